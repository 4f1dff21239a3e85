// The page of molmnist: the list of answers, and the figures of the one that is chosen.
const views = DATA;
const at = id => document.getElementById(id);
const ink = () => getComputedStyle(document.body).color;
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const steps = (packed, count) => Array.from({length: count}, (_, i) => packed.first + i * packed.step);
const options = {displayModeBar: false, responsive: true};
const scales = {
  inferno: [[0, "#000004"], [0.125, "#210c4a"], [0.25, "#57106e"], [0.375, "#8a226a"],
    [0.5, "#bc3754"], [0.625, "#e45a31"], [0.75, "#f98e09"], [0.875, "#f9cb35"], [1, "#fcffa4"]],
  magma: [[0, "#000004"], [0.125, "#1d1147"], [0.25, "#51127c"], [0.375, "#832681"],
    [0.5, "#b73779"], [0.625, "#e75263"], [0.75, "#fc8961"], [0.875, "#fec488"], [1, "#fcfdbf"]],
  viridis: [[0, "#440154"], [0.125, "#472d7b"], [0.25, "#3b528b"], [0.375, "#2c728e"],
    [0.5, "#21918c"], [0.625, "#28ae80"], [0.75, "#5ec962"], [0.875, "#addc30"], [1, "#fde725"]],
  signs: [[0, "#67001f"], [0.125, "#bb2a34"], [0.25, "#e58368"], [0.375, "#fbceb7"],
    [0.5, "#f6f7f7"], [0.625, "#c0dceb"], [0.75, "#68abd0"], [0.875, "#2870b1"], [1, "#053061"]],
};

// Lines of a title that fit the narrowest panel: plotly folds none, and cuts off what is longer.
function folded(title, most = 28) {
  const words = title.split(" ").flatMap(word => word.match(new RegExp(`.{1,${most}}`, "gu")) ?? [""]);
  const lines = [words[0]];
  for (const word of words.slice(1)) {
    const last = lines.length - 1;
    if (lines[last].length + 1 + word.length > most) lines.push(word);
    else lines[last] += ` ${word}`;
  }
  return lines;
}

function layout(title, more, margin) {
  const lines = folded(title);
  return Object.assign({title: {text: lines.map(plain).join("<br>"), font: {size: 13}, y: 0.95, yanchor: "top"},
    margin: Object.assign({l: 46, r: 8, t: 28 + 17 * lines.length, b: 40}, margin),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: {color: ink(), size: 12}}, more);
}

function rowsOf(packed, value) {
  const codes = bytes(packed.data);
  return Array.from({length: packed.rows}, (_, row) =>
    Array.from(codes.subarray(row * packed.columns, (row + 1) * packed.columns), value));
}

function heatmap(id, packed, title, axis, bar, colours, value, range, ticks) {
  const x = steps(packed, packed.columns), y = steps(packed, packed.rows);
  const trace = {type: "heatmap", x, y, z: rowsOf(packed, value), colorscale: colours, zmin: range[0], zmax: range[1],
    colorbar: Object.assign({title: {text: bar, side: "right"}, thickness: 12, len: 0.95, xpad: 4}, ticks),
    hovertemplate: "%{x:.2f}, %{y:.2f}<br>%{z:.3g}<extra></extra>"};
  Plotly.react(id, [trace], layout(title, {xaxis: {title: {text: axis}, constrain: "domain", zeroline: false},
    yaxis: {scaleanchor: "x", constrain: "domain", zeroline: false}}), options);
}

function drawPattern(packed) {
  const value = code => code ? packed.low + (code - 1) / 254 * (packed.top - packed.low) : null;
  const whole = [];
  for (let power = Math.ceil(packed.low); power <= packed.top; power++) whole.push(power);
  heatmap("pattern", packed, "pattern", "q, 1/Å", "intensity", scales.inferno, value, [packed.low, packed.top],
    {tickvals: whole, ticktext: whole.map(power => `10<sup>${power}</sup>`)});
}

function drawImage(id, packed, title, colours) {
  const value = code => packed.low + code / 255 * (packed.top - packed.low);
  heatmap(id, packed, title, "Å", "electrons / pixel", colours, value, [packed.low, packed.top], {});
}

function drawChances(view) {
  const names = Object.keys(view.probabilities);
  at("chances").classList.toggle("hidden", !names.length);
  if (!names.length) return;
  Plotly.react("chances", [{type: "bar", x: names.map(name => plain(name.replace("hexagonal", "hex"))),
    y: names.map(name => view.probabilities[name]),
    marker: {color: names.map(name => name === view.fibril ? "#00758f" : "#9fb3c1")},
    hovertemplate: "%{x}: %{y:.4f}<extra></extra>"}],
    layout(`${guess(view)}probability of each fibril`, {xaxis: {type: "category", tickangle: -50}, yaxis: {range: [0, 1.02]}},
      {l: 40, r: 12, b: 70}), options);
}

function drawFibril(view) {
  const packed = view.chains, tenths = new Int16Array(bytes(packed.data).buffer);
  const turn = view.rotation * Math.PI / 180, x = [], y = [], z = [], colour = [];
  for (let chain = 0; chain < packed.chains; chain++) {
    const start = 3 * packed.points * chain, middle = start + 3 * (packed.points >> 1);
    const row = tenths[middle] * Math.cos(turn) + tenths[middle + 1] * Math.sin(turn);
    for (let point = 0; point < packed.points; point++) {
      const place = start + 3 * point;
      x.push(tenths[place] / 10); y.push(tenths[place + 1] / 10); z.push(tenths[place + 2] / 10);
      colour.push(row / 10);
    }
    x.push(null); y.push(null); z.push(null); colour.push(row / 10);
  }
  const blank = {visible: false}, span = [x, y, z].map(axis => {
    const seen = axis.filter(place => place !== null);
    return seen.reduce((most, place) => Math.max(most, place)) - seen.reduce((least, place) => Math.min(least, place));
  });
  const scale = 2.3 / Math.max(...span);
  Plotly.react("fibril", [{type: "scatter3d", mode: "lines", x, y, z, hoverinfo: "skip",
    line: {width: 3, color: colour, colorscale: "Portland"}}],
    layout(`${guess(view)}${view.found}, ${turned(view)}`, {
      uirevision: "same", scene: {xaxis: blank, yaxis: blank, zaxis: blank, aspectmode: "manual",
        aspectratio: {x: scale * span[0], y: scale * span[1], z: scale * span[2]},
        camera: {projection: {type: "orthographic"}, eye: {x: 1.1, y: 1.6, z: 0.8}}}}, {l: 0, r: 0, b: 0}), options);
}

function turned(view) {
  if (view.twist !== null) return `twist ${view.twist.toFixed(2)}°/nm`;
  return view.turn === null ? "twist unknown" : `twist ${view.turn.toFixed(0)}° end to end`;
}

const guess = view => view.trusted ? "" : "best guess: ";

function element(kind, ...parts) {
  const made = document.createElement(kind);
  made.append(...parts);
  return made;
}

// A name, its value, and the true value where that is known.
function fact(name, told, truth) {
  const value = element("dd", ...[told].flat());
  if (truth !== undefined) value.append(" ", element("small", `truth ${truth}`));
  return element("div", element("dt", name), value);
}

function facts(view) {
  const truth = view.truth ?? {};
  const known = (name, text) => truth[name] === undefined || truth[name] === null ? undefined : text(truth[name]);
  const twist = view.twist === null ? "unknown" : `${view.twist.toFixed(2)} ± ${view.twist_sd.toFixed(2)} °/nm`;
  const object = known("fibril", name => name) ?? known("chains", count => `${count} chains, ${truth.outline}`);
  const found = [fact("found", view.found, object),
    fact("|twist|", twist, known("twist_deg_per_nm", value => value.toFixed(2)))];
  if (view.turn !== null) found.push(fact("end-to-end twist",
    `${view.turn.toFixed(0)} ± ${view.turn_sd.toFixed(0)}°`, known("turn_deg", value => `${value.toFixed(0)}°`)));
  found.push(
    fact("side of the window", `${view.window.side.toFixed(1)} Å, ${view.window.from}`),
    fact("rotation, modulo 180°", `${view.rotation.toFixed(1)}°`,
      known("rotation_deg", value => `${value.toFixed(1)}°`)));
  const likeness = known("correlation", value => value.toFixed(4));
  if (likeness) found.push(fact("correlation with the true shape", likeness));
  const links = view.files.map(([name, address]) => {
    const link = element("a", name);
    link.setAttribute("href", address);
    link.download = "";
    return [link, " "];
  });
  return [...found, fact("files", links.flat())];
}

function show(number) {
  const view = views[number];
  document.querySelectorAll("tr[data-number]").forEach(row =>
    row.classList.toggle("chosen", Number(row.dataset.number) === number));
  at("card").classList.toggle("hidden", !view);
  if (!view) return;
  at("name").textContent = view.name;
  at("card").classList.toggle("guess", !view.trusted);
  at("chip").className = `chip ${view.trusted ? "good" : "bad"}`;
  at("chip").textContent = view.trusted ? "trusted" : "not trusted: best guess";
  at("said").textContent = `${view.reason} · ${view.file}`;
  at("notes").replaceChildren(...view.notes.map(text => {
    const line = document.createElement("p");
    line.className = "note";
    line.textContent = text;
    return line;
  }));
  at("facts").replaceChildren(...facts(view));
  const told = "truth" in view.images;
  at("panels").classList.toggle("untold", !told && !Object.keys(view.probabilities).length);
  at("truth").classList.toggle("hidden", !told);
  at("difference").classList.toggle("hidden", !told);
  drawPattern(view.pattern);
  drawImage("shape", view.images.shape, `${guess(view)}shape`, scales.magma);
  drawImage("sd", view.images.sd, `${guess(view)}standard deviation, blurred by 1 Å`, scales.viridis);
  if (told) {
    drawImage("truth", view.images.truth, "truth", scales.magma);
    drawImage("difference", view.images.difference, "shape − truth, blurred by 1 Å", scales.signs);
  }
  drawChances(view);
  at("fibril").classList.toggle("hidden", !view.chains);
  if (view.chains) drawFibril(view);
}

const follow = () => show(Number(location.hash.slice(1)));
document.querySelectorAll("tr[data-number]").forEach(row =>
  row.addEventListener("click", () => { location.hash = row.dataset.number; }));
addEventListener("hashchange", follow);
const first = views.findIndex(view => view);
if (location.hash) follow(); else if (first >= 0) show(first);
