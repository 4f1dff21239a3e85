"use strict";
// Where structures are seen from: an orthographic camera that all panels of a view share, and what turns it.
const camera = (() => {
  const {cross, unit, times, plus, minus, dot, reciprocal, row} = crystal;
  // By hand: radians for a drag over one px, and per key.
  const DRAG = 0.009, KEY = Math.PI / 24;
  // By hand, px: a press that moves less is a click.
  const STILL = 5;

  // Rows are the directions of the screen: right, up, towards the eye.
  const facing = (towards, up) => {
    const z = unit(towards), x = unit(cross(up, z));
    return [...x, ...cross(z, x), ...z];
  };
  const applied = (m, v) => [0, 1, 2].map(i => dot(row(m, i), v));
  const back = (m, v) => [0, 1, 2].map(k => m[k] * v[0] + m[3 + k] * v[1] + m[6 + k] * v[2]);
  const product = (m, n) => [0, 1, 2].flatMap(i => back(n, row(m, i)));

  function spun(turn, right, up) {
    const [c, s, d, t] = [Math.cos(right), Math.sin(right), Math.cos(up), Math.sin(up)];
    return product([1, 0, 0, 0, d, -t, 0, t, d], product([c, 0, s, 0, 1, 0, -s, 0, c], turn));
  }

  // Along a, b, c (0 to 2) or a*, b*, c* (3 to 5), the next two axes right and up as in a right-handed frame.
  function along(lattice, which) {
    const axes = [0, 1, 2].map(k => row(lattice, k)), k = which % 3;
    return facing(which < 3 ? axes[k] : reciprocal(lattice)[k], axes[(k + 2) % 3]);
  }

  // A crystal from near a, c upwards, a little from the side and from above, as printed drawings show it.
  const tilted = lattice => spun(along(lattice, 0), -0.3, 0.2);

  // Points from their flattest side: the long way right, the short one towards the eye.
  function flat(points) {
    const middle = times(points.reduce(plus, [0, 0, 0]), 1 / (points.length || 1));
    const around = points.map(p => minus(p, middle));
    const spread = [0, 1, 2].flatMap(i =>
      [0, 1, 2].map(k => around.reduce((sum, p) => sum + p[i] * p[k], i === k ? 1e-6 : 0)));
    // Power iterations: the longest axis, then the longest across it.
    const longest = across => {
      let v = [0.6, 0.7, 0.4];
      for (let turn = 0; turn < 60; turn++) {
        v = applied(spread, v);
        if (across) v = minus(v, times(across, dot(v, across)));
        v = unit(v);
      }
      return v;
    };
    const x = longest(null), y = longest(x);
    return spun(facing(cross(x, y), y), 0.2, 0.15);
  }

  // Pointers, wheel and keys on a canvas. `view` has turn, pan, zoom, `scale()` in px per Å, `changed()`.
  function moved(canvas, view, {click, recentre, hover}) {
    const down = new Map();
    let start = null;
    const place = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, place(event));
      start = down.size === 1 ? {at: place(event), time: event.timeStamp} : null;
    });
    canvas.addEventListener("pointermove", event => {
      const now = place(event), was = down.get(event.pointerId);
      if (!was) return hover(now);
      if (down.size === 2) pinch(view, down, event.pointerId, now);
      else if (event.shiftKey || event.buttons & 2) shift(view, now[0] - was[0], now[1] - was[1]);
      else view.turn = spun(view.turn, DRAG * (now[0] - was[0]), DRAG * (now[1] - was[1]));
      down.set(event.pointerId, now);
      if (start && Math.hypot(now[0] - start.at[0], now[1] - start.at[1]) > STILL) start = null;
      return view.changed();
    });
    const up = event => {
      down.delete(event.pointerId);
      const done = start && event.type === "pointerup" && event.button === 0;
      if (done) click(start.at, event.pointerType === "touch");
      start = null;
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => hover(null));
    canvas.addEventListener("contextmenu", event => event.preventDefault());
    canvas.addEventListener("dblclick", event => recentre(place(event)));
    // A page of many views still scrolls: the wheel zooms the view that was clicked, or any with Ctrl.
    canvas.addEventListener("wheel", event => {
      if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(view, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)));
    }, {passive: false});
    canvas.addEventListener("keydown", event => keyed(view, event));
  }

  function shift(view, x, y) {
    view.pan = [view.pan[0] + x / view.scale(), view.pan[1] - y / view.scale()];
  }

  function zoom(view, factor) {
    view.zoom = Math.max(0.2, Math.min(40, view.zoom * factor));
    view.changed();
  }

  function pinch(view, down, moving, now) {
    const [other] = [...down].filter(([id]) => id !== moving).map(([, at]) => at), was = down.get(moving);
    const far = at => Math.hypot(at[0] - other[0], at[1] - other[1]) || 1;
    shift(view, (now[0] - was[0]) / 2, (now[1] - was[1]) / 2);
    zoom(view, far(now) / far(was));
  }

  function keyed(view, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const turns = {ArrowLeft: [-KEY, 0], ArrowRight: [KEY, 0], ArrowUp: [0, -KEY], ArrowDown: [0, KEY]};
    const keys = {"+": () => zoom(view, 1.15), "=": () => zoom(view, 1.15), "-": () => zoom(view, 1 / 1.15),
      0: () => view.reset(),
      " ": () => view.play?.(), Escape: () => view.clear()};
    if (event.key in turns && event.shiftKey) shift(view, ...turns[event.key].map(one => 200 * one));
    else if (event.key in turns) view.turn = spun(view.turn, ...turns[event.key]);
    else if (event.key in keys) keys[event.key]();
    else return;
    event.preventDefault();
    view.changed();
  }

  return {along, tilted, flat, applied, back, moved};
})();
