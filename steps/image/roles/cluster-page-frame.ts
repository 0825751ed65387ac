/** A whole page around its sections, in the reader's colours and for any width. It renews itself quietly. */
export const pageFrame = (title: string, sections: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><h1>${title}</h1></header>
<main>
${sections}
</main>
<footer><p>Every half minute anew. <a href="/graph">Prometheus</a> has the history, <a href="/alerts">all alerts</a>.</p></footer>
<script>${renewal}</script>
</body>
</html>
`;

const style = `
:root { color-scheme: light dark; --line: #8884; --critical: #b00020; --warning: #8a5a00; --well: #12692f; }
@media (prefers-color-scheme: dark) { :root { --critical: #ff8a80; --warning: #ffc46b; --well: #7ddc9a; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; margin: 1.5rem 0 .5rem; }
h1 { margin-top: 0; }
p { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
thead th { font-weight: normal; opacity: .75; }
code { font-size: .9em; overflow-wrap: anywhere; }
.well { color: var(--well); font-size: 1.25rem; font-weight: bold; }
.wrong { padding: 0; list-style: none; }
.wrong li { border-inline-start: .3rem solid; padding: .25rem .75rem; margin: .5rem 0; }
.critical { color: var(--critical); }
.warning { color: var(--warning); }
.wrong li { border-color: currentColor; }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  th, td { display: block; border: 0; padding: .1rem 0; }
  td[data-column]::before { content: attr(data-column) ": "; opacity: .75; }
}
`;

/** A page that loads itself anew would lose the reader's place. */
const renewal = `
const localise = () => {
  for (const time of document.querySelectorAll("time")) time.textContent = new Date(time.dateTime).toLocaleString();
};
localise();
setInterval(async () => {
  try {
    const text = await (await fetch(location.href)).text();
    const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (main) { document.querySelector("main").replaceWith(main); localise(); }
  } catch {
    document.querySelector("footer").textContent = "The monitor does not answer any more.";
  }
}, 30000);
`;
