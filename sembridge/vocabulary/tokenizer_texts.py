"""Texts on which two tokenizers are compared: scripts, case, marks, digits, punctuation, white space, own tokens."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

_TOKENS = 3000  # of a vocabulary that are read, evenly spaced

_SAMPLES = (
    "The Captain's OLD bread-market isn't open, in 2024: 3.5% of $1,000!",
    "Straße Ångström ĲSSELMEER ﬁne café naïve résumé",
    "İstanbul ığdır ŞİİR çay",
    "Tiếng Việt đường Hà Nội",
    "Новая Ёлка и Йод, українська їжа, Ђорђе",
    "Ελληνικά Ωμέγα ὕβρις ΌΧΙ",
    "Հայերեն ԵՐԵՎԱՆ",
    "ქართული ᲥᲐᲠᲗᲣᲚᲘ",
    "में Delhi दिल्ली हिन्दी क़लम १२३",
    "বাংলা ভাষা ড়",
    "ਪੰਜਾਬੀ ਗੁਰਮੁਖੀ",
    "ગુજરાતી ભાષા",
    "தமிழ் மொழி",
    "తెలుగు భాష",
    "ಕನ್ನಡ ಭಾಷೆ",
    "മലയാളം ഭാഷ",
    "සිංහල ශ්‍රී",
    "العربيّة مُدَرِّسٌ أإآ ١٢٣",
    "فارسی می\u200cخواهم ۱۲۳ کتاب",
    "עִבְרִית שָׁלוֹם",
    "ภาษาไทย น้ำ ๑๒๓",
    "ພາສາລາວ ນ້ຳ",
    "မြန်မာ ဘာသာ",
    "ភាសាខ្មែរ",
    "བོད་ཡིག",
    "አማርኛ ቋንቋ",
    "中文,東京都の日本語 が ガ ｶﾞ 。「」",
    "한국어 비밀번호를 바꾸다 ㄱㄴ",
    "Ｆｕｌｌ ｗｉｄｔｈ １２３ ½ ² ① ™ ℌ 𝔘 ∑ ≤",
    "👩\u200d👩\u200d👧 🇰🇷 👍🏽 ❤\ufe0f 🙂",
    "«quoted» „low“ ‘x’ – — … ¡ ¿ 、 ！ ·",
    "C++ a_b x@y.z https://a.b/c?d=1&e=2#f #tag @user 50¢ \\ / | ~ ^ ` {} [] <> ##ing ##",
    "tab\tline\n\nlines\r\n  two   three\u00a0nbsp\u3000wide\u2009thin\u200bzero\ufeffbom\u00adsoft",
    " leading and trailing ",
    "  ",
    "\x00 \x07 \ufffd \ue000",
    "1234567890 12 1,234 1.2.3 007 ½",
    "x" * 150,
    "ab" * 600,
)


def _forms(text: str) -> list[str]:
    """Return a text in other cases and Unicode forms."""
    composed = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")]
    return [text, *composed, text.upper(), text.lower(), text.title()]


TEXTS = list(dict.fromkeys(form for sample in _SAMPLES for form in _forms(sample)))
# Each character in a word and after a space, of the large blocks (Chinese, Korean, Yi) every 16th; no surrogates.
_BLOCKS = (
    (0x20, 0x3400, 1), (0x3400, 0xA4D0, 16), (0xA4D0, 0xAC00, 1), (0xAC00, 0xD7B0, 16), (0xD7B0, 0xD800, 1),
    (0xE000, 0xF900, 64), (0xF900, 0x10000, 1), (0x1D400, 0x1D800, 1), (0x1F000, 0x1FB00, 1),
)  # fmt: skip
CHARACTERS = [f"a{chr(code)}b {chr(code)}" for block in _BLOCKS for code in range(*block)]


def texts_of(backend: Any) -> list[str]:
    """Return texts of a tokenizer's own tokens: alone, in other forms, in a row, and its added tokens in a text."""
    ids = sorted(backend.get_vocab(with_added_tokens=False).values())
    chosen = ids[:: max(1, len(ids) // _TOKENS)]
    alone = [backend.decode([token_id], skip_special_tokens=False) for token_id in chosen]
    rng = random.Random(0)
    rows = [backend.decode(rng.choices(ids, k=4), skip_special_tokens=False) for _ in chosen]
    added = [token.content for token in backend.get_added_tokens_decoder().values()]
    around = [form for token in added for form in (token, f"a{token}b", f"a {token} b", f"a  {token}", token.lower())]
    return list(dict.fromkeys(form for text in (*alone, *rows) for form in (*_forms(text), f"a{text}"))) + around
