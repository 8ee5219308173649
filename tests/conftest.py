"""Makes the modules beside this file (`tokenizers_made`, `transfers_made`) importable from every test folder."""
