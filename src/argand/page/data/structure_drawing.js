"use strict";
// How a panel of structures is drawn: its colours, what it is fitted to, letters and axes over it,
// saved pictures.
const structureDrawing = (() => {
  const {plus, minus, length, cartesian} = crystal;
  // By hand: how much of a panel the drawing fills at first.
  const FILL = 0.86;

  const LOOKS = {light: {stage: "#ffffff", ink: "#17202a", accent: "#00667d", density: "#0072b2"},
    dark: {stage: "#10171d", ink: "#e7edf3", accent: "#55cfe6", density: "#56b4e9"}};

  const dark = view => {
    if (view.ground) return view.ground === "dark";
    const [red, green, blue] = scene.rgb(argand.css("--stage"));
    return red + green + blue < 1.5;
  };

  const colours = view => LOOKS[dark(view) ? "dark" : "light"];

  const points = built => [...built.atoms.map(one => one.p), ...(built.box?.corners ?? [])];

  function middleOf(built) {
    return [0, 1, 2].map(k => {
      const values = points(built).map(p => p[k]);
      return values.length ? (Math.min(...values) + Math.max(...values)) / 2 : 0;
    });
  }

  // One scale for all panels, at which each shows all that it has.
  function fit(view) {
    const scales = view.panels.map(panel => {
      const seen = points(panel.scene).map(p => camera.applied(view.turn, minus(p, panel.middle)));
      const wide = k => Math.max(1, ...seen.map(p => Math.abs(p[k]))) * 2 + 1.4;
      return Math.min(panel.width / wide(0), panel.height / wide(1));
    });
    view.base = Math.max(1e-3, FILL * Math.min(...scales));
  }

  // What a drawing of width x height px with `ratio` device pixels each is seen with.
  function lookOf(view, panel, width, height) {
    const s = view.scale(), ground = scene.rgb(colours(view).stage);
    const middle = plus(panel.middle, view.offset);
    return {turn: view.turn, middle, pan: view.pan, scale: [2 * s / width, 2 * s / height], ground,
      depth: panel.reach + length(view.offset), haze: dark(view) ? 0.4 : 0.5,
      grey: panel.scene.known.frame.trusted ? 0 : 0.8};
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
    const [x, y, z] = camera.applied(view.turn, minus(p, plus(panel.middle, view.offset))), s = view.scale();
    return {x: panel.width / 2 + (x + view.pan[0]) * s, y: panel.height / 2 - (y + view.pan[1]) * s, z,
      r: r * s};
  };
  const spots = (view, panel) => panel.scene.atoms.map(one => spot(view, panel, one.p, one.radius));

  // Letters, axes and measures over the drawing.
  function over(view, panel, pen) {
    const look = {...colours(view), ground: colours(view).stage};
    const all = spots(view, panel);
    const covers = !view.labels ? [] : panel.scene.solid.flatMap(({atom, points: corners, faces}) => {
      const at = corners.map(p => spot(view, panel, p));
      return faces.map(({ring}) => ({middle: atom.p, ring: ring.map(m => at[m])}));
    });
    const kind = ["", "element", "site"][view.labels];
    if (kind) measure.letters(pen, panel.scene.atoms, all, covers, kind, look);
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
    const tints = scene.axes(dark(view));
    const letter = (name, at, from, room = 0) => {
      const far = Math.hypot(at.x - from.x, at.y - from.y) || 1, out = (13 + room) / far;
      const tint = name === "o" ? ink : tints["abc".indexOf(name)];
      measure.outlined(pen, name, at.x + (at.x - from.x) * out, at.y + (at.y - from.y) * out, tint, ground);
    };
    if (panel.scene.box) {
      const ball = p => Math.max(0,
        ...panel.scene.atoms.filter(one => length(minus(one.p, p)) < 0.3).map(one => one.radius));
      const ends = panel.scene.box.letters.map(([name, p]) => [name, spot(view, panel, p, ball(p))]);
      const o = ends[0][1];
      const middle = spot(view, panel, cartesian(frame.lattice, [0.5, 0.5, 0.5]));
      ends.forEach(([name, at]) => letter(name, at, name === "o" ? middle : o, at.r));
      return;
    }
    const o = {x: 34, y: panel.height - 34};
    [0, 1, 2].forEach(k => {
      const [x, y] = camera.applied(view.turn, crystal.unit(crystal.row(frame.lattice, k)));
      const at = {x: o.x + 24 * x, y: o.y - 24 * y};
      pen.strokeStyle = tints[k];
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(o.x, o.y);
      pen.lineTo(at.x, at.y);
      pen.stroke();
      // Along the eye it has no direction on the screen.
      const from = Math.hypot(x, y) > 0.15 ? o : {x: o.x + 1, y: o.y - 1};
      letter("abc"[k], {x: o.x + 28 * x, y: o.y - 28 * y}, from);
    });
  }

  // A picture of all panels with twice as many pixels.
  function picture(view) {
    const {panels} = view, line = 22, two = 2;
    const heads = panels.some(panel => !panel.head.hidden) ? line : 0;
    const canvas = argand.element("canvas", {width: two * panels.reduce((sum, one) => sum + one.width, 0),
      height: two * (heads + Math.max(...panels.map(one => one.height)))});
    const pen = canvas.getContext("2d"), {stage, ink} = colours(view);
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

  return {dark, colours, middleOf, fit, draw, spot, spots, picture};
})();
