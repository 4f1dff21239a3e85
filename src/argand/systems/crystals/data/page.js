// The page of crystals: two linked 3-D views of a structure, a path between structures with a slider, and a map.
const UNIT = [0, 1, 2].map((i) => [0, 1, 2].map((j) => +(i === j)));
const GRID_STEP = 0.3, WIDTH = 0.55, REACH = 3.2;
const byId = (id) => document.getElementById(id);
const cart = (lattice, f) => [0, 1, 2].map((k) => f[0] * lattice[0][k] + f[1] * lattice[1][k] + f[2] * lattice[2][k]);
const add = (a, b, s) => a.map((x, i) => x + s * b[i]);

// Sum of Gaussians of weight sqrt(Z), which keeps hydrogen visible, on a periodic grid in fractions of the cell.
function density(one) {
  const n = one.lattice.map((v) => Math.max(10, Math.min(44, Math.round(Math.hypot(...v) / GRID_STEP))));
  const values = new Float32Array(n[0] * n[1] * n[2]);
  const inverse = invert(one.lattice);
  const reach = [0, 1, 2].map((i) => Math.ceil(REACH * WIDTH * Math.hypot(inverse[0][i], inverse[1][i], inverse[2][i]) * n[i]));
  one.atoms.forEach(([z, ...f]) => {
    const middle = f.map((x, i) => Math.round(x * n[i]));
    for (let a = -reach[0]; a <= reach[0]; a++)
      for (let b = -reach[1]; b <= reach[1]; b++)
        for (let c = -reach[2]; c <= reach[2]; c++) {
          const at = [middle[0] + a, middle[1] + b, middle[2] + c];
          const d = cart(one.lattice, at.map((x, i) => x / n[i] - f[i]));
          const square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
          if (square > (REACH * WIDTH) ** 2) continue;
          const [i, j, k] = at.map((x, axis) => ((x % n[axis]) + n[axis]) % n[axis]);
          values[(i * n[1] + j) * n[2] + k] += Math.sqrt(z) * Math.exp((-0.5 * square) / WIDTH ** 2);
        }
  });
  return { n, values };
}

function invert(m) {
  const [a, b, c] = m;
  const cross = (u, v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const rows = [cross(b, c), cross(c, a), cross(a, b)];
  const volume = a[0] * rows[0][0] + a[1] * rows[0][1] + a[2] * rows[0][2];
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => rows[j][i] / volume));
}

// Surface of one height by marching tetrahedra, six to each voxel; any cell will do, however skewed.
const TETRAHEDRA = [[0, 5, 1, 6], [0, 1, 2, 6], [0, 2, 3, 6], [0, 3, 7, 6], [0, 7, 4, 6], [0, 4, 5, 6]];
const CORNERS = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]];
function surface(one, share) {
  const { n, values } = density(one);
  const height = share * values.reduce((a, b) => Math.max(a, b), 0);
  const points = [], faces = [], known = new Map();
  const value = (p) => values[((p[0] % n[0]) * n[1] + (p[1] % n[1])) * n[2] + (p[2] % n[2])];
  const number = (p) => (p[0] * (n[1] + 1) + p[1]) * (n[2] + 1) + p[2];
  const vertex = (p, q) => {
    const [a, b] = [number(p), number(q)];
    const key = a < b ? a * 1e6 + b : b * 1e6 + a;
    if (!known.has(key)) {
      const t = (height - value(p)) / (value(q) - value(p));
      known.set(key, points.length);
      points.push(cart(one.lattice, p.map((x, i) => (x + t * (q[i] - x)) / n[i])));
    }
    return known.get(key);
  };
  for (let i = 0; i < n[0]; i++)
    for (let j = 0; j < n[1]; j++)
      for (let k = 0; k < n[2]; k++) {
        const corners = CORNERS.map((c) => [i + c[0], j + c[1], k + c[2]]);
        const above = corners.map((c) => value(c) > height);
        if (above.every((x) => x === above[0])) continue;
        for (const tetrahedron of TETRAHEDRA) {
          const inside = tetrahedron.filter((c) => above[c]), outside = tetrahedron.filter((c) => !above[c]);
          if (!inside.length || !outside.length) continue;
          if (inside.length === 2) {
            const [p, q] = inside, [r, s] = outside;
            const ring = [[p, r], [p, s], [q, s], [q, r]].map(([x, y]) => vertex(corners[x], corners[y]));
            faces.push([ring[0], ring[1], ring[2]], [ring[0], ring[2], ring[3]]);
          } else {
            const [tip, base] = inside.length === 1 ? [inside[0], outside] : [outside[0], inside];
            faces.push(base.map((x) => vertex(corners[tip], corners[x])));
          }
        }
      }
  const column = (rows, axis) => rows.map((row) => row[axis]);
  return {
    type: "mesh3d", x: column(points, 0), y: column(points, 1), z: column(points, 2),
    i: column(faces, 0), j: column(faces, 1), k: column(faces, 2),
    color: "#5b8def", opacity: 0.22, hoverinfo: "skip", showlegend: false,
    lighting: { ambient: 0.7, diffuse: 0.6, specular: 0.1 },
  };
}

// Atoms on the faces of the cell are drawn on every face, paler than those that are listed.
function images(f) {
  let found = [[0, 0, 0]];
  f.forEach((x, axis) => {
    const shift = x < 0.02 ? 1 : x > 0.98 ? -1 : 0;
    if (shift) found = found.flatMap((s) => [s, s.map((y, i) => (i === axis ? y + shift : y))]);
  });
  return found.map((s) => f.map((x, i) => x + s[i]));
}

function edges(lattice) {
  const lines = { x: [], y: [], z: [] };
  for (const axis of [0, 1, 2])
    for (const [u, v] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      const start = UNIT[(axis + 1) % 3].map((x, i) => x * u + UNIT[(axis + 2) % 3][i] * v);
      for (const f of [start, add(start, UNIT[axis], 1), null])
        ["x", "y", "z"].forEach((name, k) => lines[name].push(f ? cart(lattice, f)[k] : null));
    }
  return { type: "scatter3d", mode: "lines", ...lines, line: { color: "#888", width: 2 }, hoverinfo: "skip", showlegend: false };
}

function traces(one, scene, legend, share) {
  const size = Math.max(...one.lattice.map((v) => Math.hypot(...v)));
  const found = [edges(one.lattice), surface(one, share)];
  [...new Set(one.atoms.map((atom) => atom[0]))].sort((a, b) => a - b).forEach((z) => {
    const places = [], text = [];
    one.atoms.forEach(([other, ...f], number) => {
      if (other !== z) return;
      images(f).forEach((image) => {
        places.push(cart(one.lattice, image));
        text.push(`${DATA.elements[z][0]}${number + 1}<br>${f.map((x) => x.toFixed(4)).join(" ")}`);
      });
    });
    found.push({
      type: "scatter3d", mode: "markers", name: DATA.elements[z][0], text, hoverinfo: "text",
      x: places.map((p) => p[0]), y: places.map((p) => p[1]), z: places.map((p) => p[2]),
      legendgroup: DATA.elements[z][0], showlegend: legend,
      marker: {
        size: Math.max(4, Math.min(30, (DATA.elements[z][2] * 100) / Math.max(size, 3))),
        color: DATA.elements[z][1], line: { width: 1, color: "#444" }, opacity: 1,
      },
    });
  });
  return found.map((trace) => ({ ...trace, scene }));
}

const AXES = { visible: false };
const scene = (domain) => ({
  domain: { x: domain }, xaxis: AXES, yaxis: AXES, zaxis: AXES, aspectmode: "data",
  camera: { eye: { x: 1.35, y: 0.95, z: 0.6 }, projection: { type: "orthographic" } }, dragmode: "orbit",
});

// Structures side by side, whose cameras move together.
function draw(id, shown, share) {
  const gap = 0.02, width = (1 - gap * (shown.length - 1)) / shown.length;
  const layout = {
    margin: { l: 0, r: 0, t: 28, b: 0 }, height: 480, uirevision: id, legend: { orientation: "h", y: -0.02, x: 0.5, xanchor: "center" },
    annotations: shown.map((one, i) => ({
      text: plain(one.title), x: i * (width + gap) + width / 2, y: 1.06, xref: "paper", yref: "paper", showarrow: false, font: { size: 15 },
    })),
  };
  const names = shown.map((_, i) => (i ? `scene${i + 1}` : "scene"));
  const seen = new Set();
  const all = shown.flatMap((one, i) => {
    layout[names[i]] = scene([i * (width + gap), i * (width + gap) + width]);
    return traces(one, names[i], true, share).map((trace) => {
      const first = trace.name && !seen.has(trace.name);
      if (first) seen.add(trace.name);
      return { ...trace, showlegend: Boolean(first) };
    });
  });
  const box = byId(id);
  const camera = box.layout && names.every((name) => box.layout[name]) && box.layout.scene.camera;
  if (camera) names.forEach((name) => (layout[name].camera = camera));
  Plotly.react(box, all, layout, { displaylogo: false, responsive: true });
  if (box.linked) return;
  box.linked = true;
  box.on("plotly_relayout", (change) => {
    const moved = Object.keys(change).find((key) => /^scene\d*\.camera$/.test(key));
    if (!moved) return;
    const others = Object.keys(box.layout).filter((key) => /^scene\d*$/.test(key) && `${key}.camera` !== moved);
    others.forEach((key) => box._fullLayout[key]._scene.setViewport({ camera: change[moved], aspectmode: "data", aspectratio: box._fullLayout[key].aspectratio }));
    others.forEach((key) => (box.layout[key].camera = change[moved]));
  });
}

function row(kind, texts) {
  const line = document.createElement("tr");
  line.append(...texts.map((textContent) => Object.assign(document.createElement(kind), { textContent })));
  return line;
}

function choices(select, names) {
  select.replaceChildren(...names.map((name, i) => new Option(name, i)));
}

// What is said of an answer that is not trusted, whose figures are grey.
const guess = (one) => (one.trusted ? "" : " (best guess)");
const shade = (element, one) => {
  element.classList.toggle("best-guess", !one.trusted);
  return element;
};

function pairs() {
  const box = byId("pairs");
  if (!DATA.pairs.length) return box.remove();
  const select = byId("pair"), level = byId("level");
  choices(select, DATA.pairs.map((pair) => `${pair.name}: ${pair.formula}, confidence ${pair.confidence.toFixed(3)}${guess(pair)}`));
  const show = () => {
    const pair = DATA.pairs[+select.value];
    const shown = pair.input ? [{ ...pair.input, title: "input" }] : [];
    const title = (pair.latent_size === null ? "decoded" : `decoded from ${pair.latent_size} numbers`) + guess(pair);
    draw("pair-view", [...shown, { ...pair.decoded, title }], +level.value);
    const link = Object.assign(document.createElement("a"), { textContent: pair.file });
    if (pair.address !== null) link.setAttribute("href", pair.address);
    const facts = document.createElement("p");
    const told = shade(document.createElement("span"), pair);
    told.textContent = `${pair.facts} `;
    facts.append(told, pair.source === null ? "" : `${pair.source} → `, link);
    byId("pair-facts").replaceChildren(facts);
    const head = ["atom", "x", "y", "z", "probability of the element", "displacement, Å"];
    shade(byId("pair-atoms"), pair).replaceChildren(row("th", head), ...pair.rows.map((cells) => row("td", cells)));
  };
  select.onchange = level.onchange = show;
  show();
}

function path() {
  const box = byId("path");
  if (!DATA.path.length) return box.remove();
  const slider = byId("step");
  slider.max = DATA.path.length - 1;
  const show = () => {
    const one = DATA.path[+slider.value];
    shade(byId("step-facts"), one).textContent = one.facts;
    draw("path-view", [{ ...one, title: one.title + guess(one) }], 0.25);
  };
  slider.oninput = show;
  let timer = null;
  byId("play").onclick = () => {
    if (timer) { clearInterval(timer); timer = null; return; }
    timer = setInterval(() => { slider.value = (+slider.value + 1) % DATA.path.length; show(); }, 900);
  };
  slider.value = Math.floor(DATA.path.length / 2);
  show();
}

const PALETTE = ["#e41a1c", "#377eb8", "#4daf4a", "#984ea3", "#ff7f00", "#a65628", "#f781bf", "#17becf", "#bcbd22", "#666666", "#00441b", "#fdb863", "#8dd3c7", "#4a1486"];
function map() {
  const box = byId("map"), { points, families, structures } = DATA.map;
  if (!points.length) return box.remove();
  const select = byId("family");
  choices(select, Object.keys(families));
  const show = () => {
    const family = families[Object.keys(families)[+select.value]];
    const names = [...new Set(family)].sort((a, b) => family.filter((x) => x === b).length - family.filter((x) => x === a).length);
    const all = names.map((name, i) => {
      const chosen = family.map((x, k) => k).filter((k) => family[k] === name);
      return {
        type: "scatter", mode: "markers", name: plain(`${name} (${chosen.length})`), customdata: chosen,
        x: chosen.map((k) => points[k][0]), y: chosen.map((k) => points[k][1]),
        text: chosen.map((k) => `${plain(structures[k].name)}<br>${plain(structures[k].formula)}`), hoverinfo: "text",
        marker: { size: 5, color: PALETTE[i % PALETTE.length], opacity: 0.75 },
      };
    });
    const bare = { showticklabels: false, zeroline: false, gridcolor: "#eee" };
    Plotly.react("map-view", all, {
      height: 520, margin: { l: 5, r: 5, t: 5, b: 5 }, xaxis: bare, yaxis: bare, dragmode: "pan", hovermode: "closest", legend: { itemsizing: "constant" },
    }, { scrollZoom: true, displayModeBar: false, responsive: true });
  };
  const pick = (k) => {
    const one = structures[k];
    draw("map-structure", [{ ...one, title: `${one.name}: ${one.formula}` }], 0.25);
  };
  select.onchange = show;
  show();
  byId("map-view").on("plotly_click", (event) => pick(event.points[0].customdata));
  pick(DATA.map.first);
}

pairs();
path();
map();
