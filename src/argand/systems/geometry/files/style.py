"""Style of the page of a run, light or dark as the reader's system is set."""

CSS = """
:root { --ink: #17202a; --soft: #5d6b7a; --line: #dde3ea; --ground: #f5f7fa; --card: #ffffff;
  --accent: #00758f; --good: #1b7f4b; --good-ground: #e3f4ea; --bad: #b3261e; --bad-ground: #fde8e6;
  --header: #b86200; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7edf3; --soft: #93a1b0; --line: #2a3541;
  --ground: #0f151b; --card: #182129; --accent: #3fd0ea; --good: #6fd8a0; --good-ground: #143324;
  --bad: #ff8a80; --bad-ground: #3d1a18; --header: #ffb454; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -0.01em; }
.lead { color: var(--soft); margin: 4px 0 24px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px;
  margin-bottom: 24px; }
.tile, .sheet, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 18px; }
.tile b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.sheet { overflow-x: auto; margin-bottom: 28px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 9px 11px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; font-size: 12.5px; }
th:first-child, td:first-child { text-align: left; }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 150px; }
tr:last-child td { border-bottom: 0; }
tr.pooled td { font-weight: 600; background: color-mix(in srgb, var(--accent) 9%, transparent); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.chip { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; font-weight: 500; }
.best-guess { color: var(--soft); }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.card { padding: 18px 20px 20px; margin-bottom: 20px; scroll-margin-top: 12px; }
.card h2 { font-size: 17px; margin: 0 12px 0 0; display: inline-block; overflow-wrap: anywhere; }
.card img { display: block; width: 100%; height: auto; border-radius: 6px; margin-top: 14px; }
.reason { margin: 12px 0 0; padding: 10px 14px; border-radius: 6px; color: var(--bad);
  background: var(--bad-ground); overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: 6px 32px; margin: 12px 0 0; font-variant-numeric: tabular-nums; }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 0; }
dd.old { color: var(--header); }
dd.new { color: var(--accent); font-weight: 600; }
.files { margin: 12px 0 0; font-size: 13.5px; color: var(--soft); }
.files a { margin-right: 12px; }
footer { color: var(--soft); font-size: 13px; margin-top: 32px; }
@media (max-width: 700px) { main { padding: 20px 12px; } th, td { padding: 8px 10px; } }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
"""
