// Unpack and run Plotly, then the code that draws with it.
const bytes = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
for (const text of [await new Response(unpacked).text(), document.getElementById("page").textContent]) {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
}
