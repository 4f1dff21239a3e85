"use strict";
// A view of structures: panels side by side with one camera, each a canvas with its title; films; contours.
// For tests and for readers of a page's console, `figure.argand` tells what is drawn (see `told`).
const structureView = (() => {
  const {plus, minus, length} = crystal;
  const {dark, colours, middleOf, fit, draw, spot, spots, picture} = structureDrawing;

  function begun(stage, data, figure, panels) {
    const last = panels[0].known(panels[0].count - 1);
    // Frames of unlike structures, as answers for many crystals; those of a film have the same atoms.
    const unlike = data.panels.some(one => new Set(one.frames.map(row => row[0])).size > 1);
    const solid = unlike || panels.some(one => one.known(one.count - 1).ligands.some(list => list.length));
    const view = {figure, data, panels, solid, turn: null, pan: [0, 0], zoom: 1, offset: [0, 0, 0], number: 0,
      chosen: [], chosenIn: null, frames: Math.max(...panels.map(one => one.count)), ground: null, labels: 1,
      choices: unlike ? packing.UNLIKE : packing.choices(last), net: false, level: null,
      options: {style: solid ? "polyhedra" : "balls", unlike, all: false}};
    view.options.range = unlike ? "whole" : packing.first(last);
    view.options.cell = unlike || view.options.range !== "whole";
    view.scale = () => view.base * view.zoom;
    view.changed = () => later(view);
    view.reset = () => {
      Object.assign(view, {pan: [0, 0], zoom: 1, offset: [0, 0, 0]});
      fit(view);
      view.changed();
    };
    view.rebuild = () => rebuild(view);
    return view;
  }

  // Redraws once before the next picture, however much has changed.
  function later(view) {
    if (view.waiting) return;
    view.waiting = true;
    requestAnimationFrame(() => { view.waiting = false; view.panels.forEach(panel => draw(view, panel)); });
  }

  function panelOf(view, panel, stage) {
    panel.head = argand.element("div", {class: "panel-head"});
    panel.canvas = argand.element("canvas", {tabindex: 0, role: "application"});
    panel.pen = panel.canvas.getContext("2d");
    panel.below = argand.element("div", {class: "panel-told"});
    stage.append(argand.element("div", {class: "panel"}, panel.head,
      argand.element("div", {class: "panel-canvas"}, panel.canvas, panel.below)));
    camera.moved(panel.canvas, view, {
      click: (at, touch) => choose(view, panel, atomAt(view, panel, at, touch ? 10 : 2)),
      recentre: at => recentre(view, panel, at),
      hover: at => {
        const i = at ? atomAt(view, panel, at, 0) : -1;
        panel.below.textContent = i < 0 ? "" : panel.scene.atoms[i].detail;
      }});
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
    const far = p => length(minus(p, panel.middle));
    panel.reach = 4 + Math.max(0, ...panel.scene.atoms.map(one => far(one.p) + one.radius),
      ...(panel.scene.box?.corners ?? []).map(far));
    heading(view, panel, frame);
    const {atoms, bonds} = panel.scene, keys = "Arrows turn, + and - zoom, 0 resets, Shift and arrows move.";
    const told = `${panel.title} ${frame.title}: ${atoms.length} atoms, ${bonds} bonds. ${keys}`;
    panel.canvas.setAttribute("aria-label", told);
    contours(view, panel);
  }

  function heading(view, panel, frame) {
    const parts = [panel.title, frame.title].filter(Boolean).join(" · ");
    panel.head.replaceChildren(argand.element("b", {}, parts),
      ...(frame.trusted ? [] : [argand.element("span", {class: "badge bad"}, "✗ best guess")]),
      ...(frame.note ? [argand.element("span", {class: "soft"}, frame.note)] : []),
      ...(panel.scene.left ? [argand.element("span", {class: "soft"}, "too many atoms: not all drawn")] : []));
    panel.head.hidden = !panel.head.textContent;
  }

  // The contour at the chosen level about the drawn atoms. One is made after the other, the last level wins,
  // and the old one is shown meanwhile, so that a slider that is drawn along shows what it does.
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
      panel.contour = mesh && scene.contourPart(mesh, colours(view).density, view.net);
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
    return built.region && isosurface.contour(grid, lattice, built.region, view.level,
      () => panel.scene !== built);
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

  // Builds all panels anew. Chosen atoms stay so where they are still drawn.
  function rebuild(view) {
    const keys = view.chosen.map(i => view.chosenIn.scene.atoms[i].key);
    view.panels.forEach(panel => build(view, panel));
    const again = keys.map(key => view.chosenIn.scene.atoms.findIndex(one => one.key === key));
    view.chosen = again.filter(i => i >= 0);
    tell(view);
    view.listed?.();
  }

  function recentre(view, panel, at) {
    const i = atomAt(view, panel, at, 2), s = view.scale();
    const right = (at[0] - panel.width / 2) / s - view.pan[0], up = (panel.height / 2 - at[1]) / s - view.pan[1];
    const offset = i >= 0 ? minus(panel.scene.atoms[i].p, panel.middle)
      : plus(view.offset, camera.back(view.turn, [right, up, 0]));
    Object.assign(view, {offset, pan: [0, 0]});
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

  // What tests and consoles may ask: numbers of what is drawn, where an atom lies on its canvas, the contour.
  function told(view) {
    return {
      get panels() {
        const solid = one => ({element: one.element, ligands: one.points.length, faces: one.faces.length});
        return view.panels.map(({scene: built, mesh, canvas}) =>
          ({atoms: built.atoms, bonds: built.bonds, polyhedra: built.solid.map(solid), mesh, canvas}));
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
    structureControls.bar(view, {show, picture, contours, choose, tell});
    panels.forEach(panel => panelOf(view, panel, stage));
    const first = data.start < 0 ? view.frames + data.start : data.start;
    view.number = Math.max(0, Math.min(view.frames - 1, first));
    panels.forEach(panel => build(view, panel));
    turned(view);
    fit(view);
    panels.forEach(panel => draw(view, panel));
    structureControls.follow(view, {show});
    figure.argand = Object.assign(told(view), {redraw: view.changed});
    argand.onTheme(view.rebuild);
  }

  return {start};
})();
argand.views.structure = structureView.start;
