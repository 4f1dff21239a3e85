"use strict";
// A view of structures: panels side by side with one camera, each a canvas with its title; films; contours.
// For tests and for readers of a page's console, `figure.argand` tells what is drawn (see `told`).
const structureView = (() => {
  const {plus, cartesian} = crystal;
  // By hand: how much of a panel the drawing fills at first.
  const FILL = 0.86;

  const SOFT = {light: {stage: "#ffffff", ink: "#17202a", accent: "#00667d", density: "#0072b2"},
    dark: {stage: "#10171d", ink: "#e7edf3", accent: "#55cfe6", density: "#56b4e9"}};

  function begun(stage, data, figure, panels) {
    const last = panels[0].known(panels[0].count - 1), unlike = panels.some((one, i) => new Set(data.panels[i].frames.map(row => row[0])).size > 1);
    const view = {figure, data, panels, turn: null, pan: [0, 0], zoom: 1, offset: [0, 0, 0], number: 0, chosen: [], chosenIn: null,
      frames: Math.max(...panels.map(one => one.count)), ground: null, labels: 1,
      choices: unlike ? packing.EVERY : packing.choices(last), net: false, level: null,
      options: {style: "balls", range: unlike ? "whole" : packing.first(last), unlike, all: false}};
    if (unlike || panels.some(one => one.known(one.count - 1).ligands.some(list => list.length))) { view.solid = true; view.options.style = "polyhedra"; }
    view.options.cell = unlike || view.options.range !== "whole";
    view.scale = () => view.base * view.zoom;
    view.changed = () => later(view);
    view.reset = () => { Object.assign(view, {pan: [0, 0], zoom: 1, offset: [0, 0, 0]}); fit(view); view.changed(); };
    view.rebuild = () => { panels.forEach(panel => build(view, panel)); chosenAgain(view); view.changed(); };
    view.look = () => SOFT[dark(view) ? "dark" : "light"];
    return view;
  }

  const dark = view => {
    if (view.ground) return view.ground === "dark";
    const [red, green, blue] = scene.rgb(argand.css("--stage"));
    return red + green + blue < 1.5;
  };

  // Redraws once before the next picture, however much has changed.
  function later(view) {
    if (view.waiting) return;
    view.waiting = true;
    requestAnimationFrame(() => { view.waiting = false; view.panels.forEach(panel => draw(view, panel)); });
  }

  function panelOf(view, panel, stage) {
    panel.head = argand.element("div", {class: "panel-head"});
    panel.canvas = argand.element("canvas", {tabindex: 0, role: "img"});
    panel.pen = panel.canvas.getContext("2d");
    panel.below = argand.element("div", {class: "panel-told"});
    stage.append(argand.element("div", {class: "panel"}, panel.head,
      argand.element("div", {class: "panel-canvas"}, panel.canvas, panel.below)));
    camera.moved(panel.canvas, view, {
      click: (at, touch) => choose(view, panel, atomAt(view, panel, at, touch ? 10 : 2)),
      recentre: at => recentre(view, panel, at),
      hover: at => { const i = at ? atomAt(view, panel, at, 0) : -1; panel.below.textContent = i < 0 ? "" : panel.scene.atoms[i].detail; }});
    new ResizeObserver(() => sized(view, panel)).observe(panel.canvas);
    resize(panel);
  }

  function resize(panel) {
    const box = panel.canvas.getBoundingClientRect(), ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(panel, {width: box.width, height: box.height, ratio});
    panel.canvas.width = Math.max(1, Math.round(box.width * ratio));
    panel.canvas.height = Math.max(1, Math.round(box.height * ratio));
  }

  function sized(view, panel) {
    const box = panel.canvas.getBoundingClientRect();
    if (!box.width || box.width === panel.width && box.height === panel.height) return;
    resize(panel);
    fit(view);
    view.changed();
  }

  // The scene of the shown frame, with its title; its contour follows when there is time.
  function build(view, panel) {
    panel.scene?.parts.forEach(gpu.free);
    gpu.free(panel.contour);
    panel.contour = panel.mesh = null;
    const known = panel.known(Math.min(view.number, panel.count - 1)), {frame} = known;
    panel.scene = scene.built(known, view.data.looks, {...view.options, dark: dark(view)});
    panel.middle = middleOf(panel.scene);
    panel.reach = Math.max(1, ...panel.scene.atoms.map(one => crystal.length(crystal.minus(one.p, panel.middle)) + one.radius),
      ...(panel.scene.box?.corners ?? []).map(p => crystal.length(crystal.minus(p, panel.middle)))) + 4;
    heading(view, panel, frame);
    const told = `${panel.title} ${frame.title}: ${panel.scene.atoms.length} atoms, ${panel.scene.bonds} bonds`;
    panel.canvas.setAttribute("aria-label", `${told}. Arrows turn, + and - zoom, 0 resets, shift and arrows move.`);
    contours(view, panel);
  }

  function heading(view, panel, frame) {
    const parts = [panel.title, frame.title].filter(Boolean).join(" · ");
    panel.head.replaceChildren(argand.element("b", {}, parts),
      ...(frame.trusted ? [] : [argand.element("span", {class: "badge bad"}, "✗ best guess")]),
      ...(frame.note ? [argand.element("span", {class: "soft"}, frame.note)] : []),
      ...(panel.scene.left ? [argand.element("span", {class: "soft"}, "too many atoms: not all are drawn")] : []));
    panel.head.hidden = !panel.head.textContent;
  }

  const points = built => [...built.atoms.map(one => one.p), ...(built.box?.corners ?? [])];

  function middleOf(built) {
    const all = built.box && built.known.frame.periodic && built.box.corners.length && built.atoms.length > 400 ? built.atoms.map(one => one.p) : points(built);
    return [0, 1, 2].map(k => {
      const values = all.map(p => p[k]);
      return values.length ? (Math.min(...values) + Math.max(...values)) / 2 : 0;
    });
  }

  // One scale for all panels, at which each shows all that it has.
  function fit(view) {
    const scales = view.panels.map(panel => {
      const seen = points(panel.scene).map(p => camera.applied(view.turn, crystal.minus(p, panel.middle)));
      const wide = k => Math.max(1, ...seen.map(p => Math.abs(p[k]))) * 2 + 1.4;
      return Math.min(panel.width / wide(0), panel.height / wide(1));
    });
    view.base = Math.max(1e-3, FILL * Math.min(...scales));
  }

  // The contour at the chosen level about the drawn atoms. One is made after the other, the last level wins, and the
  // old one is shown meanwhile, so that a slider that is drawn along shows what it does.
  async function contours(view, panel) {
    panel.asked = true;
    if (panel.busy) return;
    panel.busy = true;
    while (panel.asked) {
      panel.asked = false;
      const built = panel.scene, mesh = await meshOf(view, panel, built);
      if (panel.scene !== built) { panel.asked = true; continue; }
      gpu.free(panel.contour);
      panel.mesh = mesh;
      panel.contour = mesh && scene.contourPart(mesh, view.look().density, view.net);
      view.changed();
    }
    panel.busy = false;
  }

  async function meshOf(view, panel, built) {
    const {density, lattice} = built.known.frame;
    if (!density || view.level === null || view.hidden) return null;
    density.grid ??= isosurface.unpacked(density, lattice);
    const grid = await density.grid;
    built.region ??= isosurface.region(grid, lattice, built.places);
    return built.region && isosurface.contour(grid, lattice, built.region, view.level, () => panel.scene !== built);
  }

  // What a drawing of width x height px with `ratio` device pixels each is seen with.
  function lookOf(view, panel, width, height) {
    const s = view.scale(), ground = scene.rgb(view.look().stage);
    const middle = plus(panel.middle, view.offset);
    return {turn: view.turn, middle, pan: view.pan, scale: [2 * s / width, 2 * s / height], ground,
      depth: panel.reach + crystal.length(view.offset), haze: 0.55, grey: panel.scene.known.frame.trusted ? 0 : 0.8};
  }

  function draw(view, panel, pen = panel.pen, ratio = panel.ratio) {
    const {width, height} = panel, look = lookOf(view, panel, width, height);
    look.pixel = 1 / (view.scale() * ratio);
    const parts = [...panel.scene.parts, ...(panel.contour ? [panel.contour] : [])];
    const size = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (!gpu.draw(parts, look, pen, ...size)) return;
    pen.save();
    pen.scale(ratio, ratio);
    over(view, panel, pen);
    pen.restore();
  }

  const spot = (view, panel, p, r = 0) => {
    const [x, y, z] = camera.applied(view.turn, crystal.minus(p, plus(panel.middle, view.offset))), s = view.scale();
    return {x: panel.width / 2 + (x + view.pan[0]) * s, y: panel.height / 2 - (y + view.pan[1]) * s, z, r: r * s};
  };
  const spots = (view, panel) => panel.scene.atoms.map(one => spot(view, panel, one.p, one.radius));

  // Letters, axes and measures over the drawing.
  function over(view, panel, pen) {
    const look = {...view.look(), ground: view.look().stage};
    const all = spots(view, panel);
    const covers = !view.labels ? [] : panel.scene.solid.flatMap(({atom, points: corners, faces}) => {
      const at = corners.map(p => spot(view, panel, p));
      return faces.map(({ring}) => ({middle: atom.p, ring: ring.map(m => at[m])}));
    });
    if (view.labels) measure.letters(pen, panel.scene.atoms, all, covers, view.labels === 1 ? "element" : "site", look);
    axes(view, panel, pen, look);
    if (view.chosenIn === panel) {
      const atoms = view.chosen.map(i => panel.scene.atoms[i]);
      measure.marks(pen, atoms, atoms.map(one => spot(view, panel, one.p, one.radius)), look);
    }
  }

  function axes(view, panel, pen, {ink, ground}) {
    const {frame} = panel.scene.known;
    if (!frame.periodic) return;
    pen.font = "italic 600 15px Georgia, serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const colours = scene.axes(dark(view));
    const letter = (name, at, from, room = 0) => {
      const far = Math.hypot(at.x - from.x, at.y - from.y) || 1, out = (13 + room) / far;
      measure.outlined(pen, name, at.x + (at.x - from.x) * out, at.y + (at.y - from.y) * out, name === "o" ? ink : colours["abc".indexOf(name)], ground);
    };
    if (panel.scene.box) {
      const ball = p => Math.max(0, ...panel.scene.atoms.filter(one => crystal.length(crystal.minus(one.p, p)) < 0.3).map(one => one.radius));
      const ends = panel.scene.box.letters.map(([name, p]) => [name, spot(view, panel, p, ball(p))]), o = ends[0][1];
      const middle = spot(view, panel, cartesian(frame.lattice, [0.5, 0.5, 0.5]));
      ends.forEach(([name, at]) => letter(name, at, name === "o" ? middle : o, at.r));
      return;
    }
    const o = {x: 34, y: panel.height - 34};
    [0, 1, 2].forEach(k => {
      const [x, y] = camera.applied(view.turn, crystal.unit(crystal.row(frame.lattice, k))), at = {x: o.x + 24 * x, y: o.y - 24 * y};
      pen.strokeStyle = colours[k];
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(o.x, o.y);
      pen.lineTo(at.x, at.y);
      pen.stroke();
      letter("abc"[k], {x: o.x + 28 * x, y: o.y - 28 * y}, Math.hypot(x, y) > 0.15 ? o : {x: o.x + 1, y: o.y - 1});
    });
  }

  // The nearest atom under a point of the canvas, `more` px about it; -1 for none.
  function atomAt(view, panel, [x, y], more) {
    let best = -1, front = -Infinity;
    spots(view, panel).forEach((one, i) => {
      if (Math.hypot(one.x - x, one.y - y) > Math.max(one.r, 4) + more || one.z < front) return;
      front = one.z;
      best = i;
    });
    return best;
  }

  function choose(view, panel, i) {
    if (i < 0) return;
    if (view.chosenIn !== panel || view.chosen.length === 4) view.chosen = [];
    view.chosenIn = panel;
    view.chosen = view.chosen.includes(i) ? view.chosen.filter(one => one !== i) : [...view.chosen, i];
    tell(view);
  }

  function tell(view) {
    const atoms = view.chosen.map(i => view.chosenIn.scene.atoms[i]);
    view.say(atoms.length ? measure.told(atoms).text : "", atoms.length > 0);
    view.changed();
  }

  // Atoms are chosen by what they are, which another frame or range may not have.
  function chosenAgain(view) {
    view.chosen = view.chosen.filter(i => i < view.chosenIn.scene.atoms.length);
    tell(view);
  }

  function recentre(view, panel, at) {
    const i = atomAt(view, panel, at, 2), s = view.scale();
    const moved = i >= 0 ? crystal.minus(panel.scene.atoms[i].p, panel.middle)
      : plus(view.offset, camera.back(view.turn, [(at[0] - panel.width / 2) / s - view.pan[0], (panel.height / 2 - at[1]) / s - view.pan[1], 0]));
    Object.assign(view, {offset: moved, pan: [0, 0]});
    view.changed();
  }

  function show(view, number) {
    const kind = () => view.panels[0].scene.known.frame.elements, before = kind();
    view.number = Math.max(0, Math.min(view.frames - 1, number));
    view.rebuild();
    // A film keeps its scale; another structure is seen anew.
    if (kind() !== before) { view.chosen = []; tell(view); turned(view); view.reset(); }
    view.numbered?.(view.number);
  }

  // A picture of all panels with twice as many pixels.
  function picture(view) {
    const {panels} = view, line = 22, two = 2;
    const heads = panels.some(panel => !panel.head.hidden) ? line : 0;
    const canvas = argand.element("canvas", {width: two * panels.reduce((sum, one) => sum + one.width, 0),
      height: two * (heads + Math.max(...panels.map(one => one.height)))});
    const pen = canvas.getContext("2d"), {stage, ink} = view.look();
    pen.fillStyle = stage;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    let x = 0;
    for (const panel of panels) {
      const one = argand.element("canvas", {width: two * panel.width, height: two * panel.height});
      draw(view, panel, one.getContext("2d"), two);
      pen.drawImage(one, x, two * heads);
      pen.fillStyle = ink;
      pen.font = `${two * 13}px system-ui, sans-serif`;
      pen.fillText([...panel.head.children].map(child => child.textContent).join("   "), x + 16, two * 15);
      x += one.width;
    }
    return canvas;
  }

  // What tests and consoles may ask: numbers of what is drawn, where an atom lies on its canvas, the contour.
  function told(view) {
    return {
      get panels() {
        return view.panels.map(({scene: built, mesh, canvas}) => ({atoms: built.atoms, bonds: built.bonds, mesh, canvas,
          polyhedra: built.solid.map(one => ({element: one.element, ligands: one.points.length, faces: one.faces.length}))}));
      },
      get frame() { return view.number; },
      spot: (panel, atom) => {
        const one = view.panels[panel], {p, radius} = one.scene.atoms[atom];
        return spot(view, one, p, radius);
      },
      picture: () => picture(view),
    };
  }

  // Crystals as drawings are printed, molecules from their flat side.
  function turned(view) {
    const {known: {frame, molecular}, atoms} = view.panels[0].scene;
    view.turn = view.begun = frame.periodic && !molecular ? camera.tilted(frame.lattice)
      : camera.flat(atoms.filter(one => one.symbol !== "H").map(one => one.p));
  }

  async function start(stage, data, figure) {
    gpu.ready(() => figure.argand?.redraw());
    const panels = await structureFrames.read(data), view = begun(stage, data, figure, panels);
    stage.classList.add("panels");
    stage.style.setProperty("--panels", panels.length);
    structureControls.bar(view, {show, picture, contours, choose, tell});
    panels.forEach(panel => panelOf(view, panel, stage));
    view.number = Math.max(0, Math.min(view.frames - 1, data.start < 0 ? view.frames + data.start : data.start));
    panels.forEach(panel => build(view, panel));
    turned(view);
    fit(view);
    panels.forEach(panel => draw(view, panel));
    structureControls.follow(view, {show});
    figure.argand = Object.assign(told(view), {redraw: view.changed});
    argand.onTheme(view.rebuild);
  }

  return {start, fit};
})();
argand.views.structure = structureView.start;
