"""Hold the style of the page: light and dark by the reader's system, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --muted: #57606a; --rule: #d8dee4; --best: #0a5fb4;
  --band: #f3f5f8; --series0: #0a5fb4; --series1: #b3530a; --series2: #1a7f4b; --series3: #8a3ab0; --series4: #a8324a;
  --series5: #56707a; --series6: #7a6200; --series7: #2b7f9e; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e4e8ec; --muted: #a0aab4;
  --rule: #353d46;
  --best: #6cb2ff; --band: #1e242b; --series0: #6cb2ff; --series1: #ff9d57; --series2: #5fd08f; --series3: #d29bf0;
  --series4: #ff8096; --series5: #a9c1cb; --series6: #dcc14b; --series7: #6fcbe8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK KR", "Noto Sans Devanagari", "Noto Sans Arabic",
  "Noto Naskh Arabic", sans-serif; }
:lang(zh) { font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
a { color: var(--best); } nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
p, li { max-width: 60rem; overflow-wrap: anywhere; }
.note { color: var(--muted); font-size: .875rem; }
.verdict dt { font-weight: 600; margin-top: .75rem; } .verdict dd { margin: 0; max-width: 60rem; }
.scroll { overflow: auto; max-height: 80vh; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); font-weight: 400; }
thead th { position: sticky; top: 0; background: var(--band); font-weight: 600; white-space: pre-line;
  vertical-align: bottom; }
thead th:first-child { z-index: 1; background: var(--band); font-weight: 600; }
td.best { color: var(--best); font-weight: 700; } tr.reference > * { color: var(--muted); }
tr.first.reference > * { border-top: 2px solid var(--muted); }
td.text { text-align: start; white-space: normal; min-width: 14rem; max-width: 28rem; overflow-wrap: anywhere;
  vertical-align: top; }
table.long td { vertical-align: top; } thead th.text { text-align: start; }
.terms { color: var(--muted); font-weight: 400; white-space: normal; min-width: 11rem; }
.terms span { margin-left: .5rem; display: inline-block; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; }
figure { margin: 0; max-width: 100%; break-inside: avoid; }
figcaption { font-size: .875rem; font-weight: 600; }
svg { max-width: 100%; height: auto; display: block; stroke-linejoin: round; }
svg text { font-size: 12px; font-variant-numeric: tabular-nums; }
@media print { :root { color-scheme: light; } body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .scroll { overflow: visible; max-height: none; } thead th, th:first-child { position: static; }
  th, td { padding: .1rem .3rem; } table { font-size: 7.5pt; } tr { break-inside: avoid; }
  td.text { min-width: 0; } h2, h3 { break-after: avoid; }
  .plots { display: block; } figure { margin-bottom: 1rem; } }
"""
