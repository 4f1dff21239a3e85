// The controls of an image: buttons, contrast, pointers, the wheel and keys.
(() => {
  const {element, button, slider, choice} = argand, {Viewer} = argand.image;
  const KEY_STEP = 60;  // Screen px that an arrow key moves the image. By hand.
  const WHEEL = 0.0018;  // Logarithm of the zoom for a px of the wheel: a notch (100 px) is a fifth. By hand.
  const SLIDES = 1000;  // Steps of a slider.

  // Buttons above the stage, contrast and text below it.
  Viewer.prototype.controls = function () {
    const bar = argand.tools(this.figure), {spots, shown, data} = this;
    const toggle = (label, name, title) => {
      const made = button(label, shown[name], pressed => { shown[name] = pressed; this.ask(); });
      made.title = title;
      this.toggles[name] = made;
      return made;
    };
    const plain = (label, title, action) => {
      const made = button(label, null, action);
      made.title = title;
      return made;
    };
    this.toggles = {};
    bar.append(plain("−", "zoom out (-)", () => this.zoomBy(1 / 1.5)), plain("+", "zoom in (+)", () => this.zoomBy(1.5)),
      plain("whole image", "0", () => this.whole()), plain("1 : 1", "one pixel on one of the screen (1)", () => this.move(this.x, this.y, 1)));
    if (data.centre ?? data.header) bar.append(plain("beam centre", "c", () => this.near()));
    if (this.geometry) bar.append(toggle("rings", "rings", "circles of constant d (r)"));
    if (spots.indexed.length) bar.append(toggle(`○ indexed ${spots.indexed.length}`, "indexed", "spots that the lattice explains (s)"));
    if (spots.other.length) bar.append(toggle(`□ not indexed ${spots.other.length}`, "other", "spots that the lattice does not explain (s)"));
    if (spots.found.length) bar.append(toggle(`◇ found ${spots.found.length}`, "found", "spots; none was indexed (s)"));
    this.maskToggle = button("mask", true, pressed => { this.scale.mask = pressed; this.recolour(); });
    this.maskToggle.title = "pixels that are not used (m)";
    bar.append(this.maskToggle);
    if (document.fullscreenEnabled) bar.append(plain("full screen", "Esc ends it", () => this.figure.requestFullscreen()));
    bar.append(plain("save picture", "PNG of what is shown", () => this.canvas.toBlob(blob => argand.save(blob, "image.png"))));
    this.stage.after(this.readout, this.contrast(), this.spoken);
  };

  // Two limits on a scale on which small counts have room, a curve and colours.
  Viewer.prototype.contrast = function () {
    const {scale, small} = this, least = Math.min(small.low, scale.low), range = Math.max(small.high - least, 1);
    const counts = slide => least + Math.expm1(slide / SLIDES * Math.log1p(range));
    const slide = value => Math.round(SLIDES * Math.log1p(Math.max(value - least, 0)) / Math.log1p(range));
    const told = value => `${Number(counts(value).toPrecision(3))}`;
    const limit = (label, name) => slider(label, {min: 0, max: SLIDES, step: 1, value: slide(scale[name])}, told, value => {
      scale[name] = counts(value);
      this.recolour();
    });
    const chosen = (label, names, name) => choice(label, names, scale[name], number => { scale[name] = number; this.recolour(); });
    const low = limit("from", "low"), high = limit("to", "high");
    const back = button("usual contrast", null, () => {
      [scale.low, scale.high] = small.limits;
      low.set(slide(scale.low));
      high.set(slide(scale.high));
      this.recolour();
    });
    return element("div", {class: "tools"}, element("span", {}, "counts"), low, high,
      chosen("curve", argand.image.curves, "curve"), chosen("colours", argand.image.maps, "map"), back);
  };

  Viewer.prototype.recolour = function () {
    this.scale.update();
    this.ask();
  };

  // Pointers move and pinch, the wheel zooms, keys do all of it.
  Viewer.prototype.listen = function () {
    const {canvas} = this, held = new Map();
    const place = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      this.keyed = false;
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
      this.zoomBy(Math.exp(-WHEEL * lines * event.deltaY), ...place(event));
    }, {passive: false});
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, place(event));
    });
    canvas.addEventListener("pointermove", event => this.drag(held, event.pointerId, place(event)));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => held.delete(event.pointerId));
    canvas.addEventListener("pointerenter", () => this.loadTiles());
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.ask(); });
    canvas.addEventListener("dblclick", event => this.zoomBy(2, ...place(event)));
    canvas.addEventListener("keydown", event => this.press(event));
    canvas.addEventListener("blur", () => { this.keyed = false; this.ask(); });
    document.addEventListener("click", event => this.keepState(event));
  };

  // One pointer moves the image, two zoom about the middle between them.
  Viewer.prototype.drag = function (held, id, place) {
    this.keyed = false;
    this.pointer = place;
    if (held.has(id)) {
      const before = [...held.values()];
      held.set(id, place);
      const after = [...held.values()];
      const middle = points => [0, 1].map(axis => (points[0][axis] + points.at(-1)[axis]) / 2);
      const apart = points => Math.hypot(points[0][0] - points.at(-1)[0], points[0][1] - points.at(-1)[1]);
      const [x, y] = middle(before), [newX, newY] = middle(after);
      this.move(this.x - (newX - x) / this.zoom, this.y - (newY - y) / this.zoom);
      if (before.length > 1 && apart(before) > 0) this.zoomBy(apart(after) / apart(before), newX, newY);
    }
    this.ask();
  };

  Viewer.prototype.press = function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = KEY_STEP / this.zoom, {next, previous} = this.data.near ?? {};
    const actions = {ArrowLeft: () => this.move(this.x - step, this.y), ArrowRight: () => this.move(this.x + step, this.y),
      ArrowUp: () => this.move(this.x, this.y - step), ArrowDown: () => this.move(this.x, this.y + step),
      "+": () => this.zoomBy(1.5), "=": () => this.zoomBy(1.5), "-": () => this.zoomBy(1 / 1.5), 0: () => this.whole(),
      1: () => this.move(this.x, this.y, 1), c: () => this.near(), r: () => this.toggles.rings?.click(),
      s: () => { this.shown.spots = !this.shown.spots; this.ask(); }, m: () => this.maskToggle.click(),
      n: () => { if (next) location.href = next + this.state(); }, p: () => { if (previous) location.href = previous + this.state(); }};
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    this.keyed = true;
    this.loadTiles();
    action();
  };

  // The next and the previous image are shown at the same place and in the same contrast.
  Viewer.prototype.state = function () {
    const {low, high, curve, map} = this.scale;
    return `#at=${[this.x, this.y, this.zoom, low, high, curve, map].join(",")}`;
  };

  Viewer.prototype.keepState = function (event) {
    const link = event.target.closest?.("nav.near a"), {next, previous} = this.data.near ?? {};
    const target = link?.getAttribute("href").split("#")[0];
    if (target && (target === next || target === previous)) link.setAttribute("href", target + this.state());
  };

  Viewer.prototype.restore = function () {
    const numbers = location.hash.startsWith("#at=") ? location.hash.slice(4).split(",").map(Number) : [];
    if (numbers.length !== 7 || !numbers.every(Number.isFinite)) return;
    const [x, y, zoom, low, high, curve, map] = numbers, {scale} = this;
    this.move(x, y, zoom);
    Object.assign(scale, {low, high: Math.max(high, low + 1e-6), curve: curve in argand.image.curves ? curve : 0, map: map in argand.image.maps ? map : 0});
    scale.update();
  };
})();
