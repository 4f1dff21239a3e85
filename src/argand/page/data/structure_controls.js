"use strict";
// The controls of a view of structures: above it what is drawn and how, below it the film, measures and
// elements.
const structureControls = (() => {
  const {element, button, choice, slider} = argand;
  const VIEWS = ["as begun", "a", "b", "c", "a*", "b*", "c*"];
  // By hand: a film lasts some 12 s, at most this many pictures a second; one of few frames shows each for LONGEST ms.
  const SECONDS = 12, RATE = 12, LONGEST = 700;

  function bar(view, act) {
    const tools = argand.tools(view.figure), {options} = view;
    const styles = [["balls", "ball and stick"], ...(view.solid ? [["polyhedra", "polyhedra"]] : []),
      ["space", "space filling"], ["wire", "wireframe"]];
    const pick = (label, list, now, action) => choice(label, list.map(one => one[1]),
      Math.max(0, list.findIndex(one => one[0] === now)), n => action(list[n][0]));
    tools.append(pick("style", styles, options.style, one => { options.style = one; view.rebuild(); }),
      choice("labels", ["none", "elements", "sites"], view.labels,
        one => { view.labels = one; view.changed(); }));
    const {periodic} = view.panels[0].known(0).frame;
    const toggle = periodic ? button("unit cell", options.cell, on => { options.cell = on; refit(view); })
      : null;
    if (view.choices.length > 1) tools.append(pick("atoms of", view.choices, options.range, one => {
      options.range = one;
      if (!options.cell && one !== "whole" && one !== "given") toggle.click(); else refit(view);
    }));
    if (periodic) tools.append(along(view), toggle);
    if (view.data.densities.length) density(view, tools, act);
    tools.append(button("PNG", null,
      () => act.picture(view).toBlob(blob => argand.save(blob, `${view.data.name}.png`))), more(view, act));
    below(view, act);
  }

  function refit(view) {
    view.rebuild();
    view.reset();
  }

  function along(view) {
    return choice("along", VIEWS, 0, n => {
      view.turn = n ? camera.along(view.panels[0].scene.known.frame.lattice, n - 1) : view.begun;
      view.reset();
    });
  }

  // The level on a logarithmic slider, from where noise fills space to almost the highest peak.
  function density(view, tools, act) {
    const one = view.data.densities[0], high = one.low + 1023 * one.step, top = 0.9 * high;
    const low = Math.min(one.level, Math.max(0.5 * one.sigma, top / 300)),
      part = x => Math.log(x / low) / Math.log(top / low);
    const level = t => low * (top / low) ** t;
    view.level = one.level;
    const sigmas = t => ((level(t) - one.mean) / (one.sigma || 1)).toFixed(1);
    const told = t => `${level(t).toPrecision(3)} ${one.unit} = ${sigmas(t)} σ`;
    const input = slider(`${one.name} at`, {min: 0, max: 1, step: "any", value: part(one.level)}, told, t => {
      view.level = level(t);
      view.panels.forEach(panel => act.contours(view, panel));
    });
    input.title = "contour level; σ is the standard deviation of the density, counted from its mean";
    tools.append(input, choice("drawn as", ["surface", "net", "none"], 0, n => {
      view.net = n === 1;
      view.hidden = n === 2;
      view.panels.forEach(panel => act.contours(view, panel));
      view.changed();
    }));
  }

  function more(view, act) {
    const inside = [choice("background", ["as the page", "light", "dark"], 0,
      n => { view.ground = [null, "light", "dark"][n]; view.rebuild(); }),
      button("reset the view", null, () => view.reset())];
    if (view.solid) inside.push(button("all polyhedra", false,
      on => { view.options.all = on; view.rebuild(); }));
    const list = element("select", {"aria-label": "atom to measure"});
    const fill = () => list.replaceChildren(...view.panels[0].scene.atoms.slice(0, 500).map((one, i) =>
      element("option", {value: i}, one.label + (one.mate ? ` ${one.detail.split("; at ")[1]}` : ""))));
    inside.push(element("label", {}, "atom", list),
      button("measure it", null, () => act.choose(view, view.panels[0], Number(list.value))));
    const fold = element("details", {class: "more"}, element("summary", {}, "more"),
      element("div", {class: "tools"}, ...inside));
    fold.addEventListener("toggle", fill);
    view.listed = () => fold.open && fill();
    return fold;
  }

  // Below the drawing: film, the line of measures, elements with their colours.
  function below(view, act) {
    const line = element("span", {"aria-live": "polite"}), clear = button("clear", null, () => view.clear());
    const hint = "Click atoms: one tells its place, two a distance, three an angle, four a torsion. "
      + "Drag turns, Shift and drag moves, the wheel zooms once the view was clicked.";
    view.say = (text, some) => {
      // What is said again is read aloud again.
      if (line.textContent !== (text || hint)) line.textContent = text || hint;
      clear.hidden = !some;
    };
    view.clear = () => { view.chosen = []; act.tell(view); };
    view.say("", false);
    const names = Object.entries(view.data.looks).map(([number, look]) => {
      const dot = element("i");
      dot.style.background = look[4];
      return [Number(number), element("span", {}, dot, look[0])];
    });
    const legend = element("span", {class: "legend"}, ...names.map(one => one[1]));
    // Hundreds of structures have most elements; named are those of the frame that is shown.
    view.named = () => {
      const here = new Set(view.panels.flatMap(panel => panel.scene.known.frame.elements));
      names.forEach(([number, span]) => { span.style.display = here.has(number) ? "" : "none"; });
    };
    const rows = [element("div", {class: "tools told"}, legend, line, clear)];
    if (view.frames > 1) rows.unshift(film(view, act));
    view.figure.querySelector(":scope > .stage").after(...rows);
  }

  function film(view, act) {
    let timer = null;
    const last = view.frames - 1, step = Math.max(1, Math.round(view.frames / (SECONDS * RATE)));
    const go = n => view.data.group ? argand.show(view.data.group, n) : act.show(view, n);
    const stop = () => { clearInterval(timer); timer = null; play.textContent = "▶ play"; };
    const play = button("▶ play", null, () => view.play());
    view.play = () => {
      if (timer) return stop();
      if (view.number === last) go(0);
      play.textContent = "❚❚ pause";
      timer = setInterval(() => {
        if (!view.figure.isConnected || view.number >= last) return stop();
        return go(Math.min(last, view.number + step));
      }, Math.max(1000 / RATE, Math.min(LONGEST, 1000 * SECONDS / view.frames)));
      return null;
    };
    const one = by => () => { stop(); go(Math.max(0, Math.min(last, view.number + by))); };
    const input = slider("frame", {min: 0, max: last, step: 1, value: 0}, n => `${n + 1} of ${last + 1}`,
      n => { stop(); go(n); });
    view.numbered = n => { input.set(n); view.named(); };
    const back = button("◀", null, one(-1)), forth = button("▶", null, one(1));
    back.setAttribute("aria-label", "one frame back");
    forth.setAttribute("aria-label", "one frame on");
    return element("div", {class: "tools film"}, play, back, forth, input);
  }

  // The views of a group show the same frame, from the first drawing on.
  function follow(view, {show}) {
    view.numbered?.(view.number);
    if (view.data.group && view.frames > 1) argand.on(view.data.group,
      n => { if (n !== view.number) show(view, n); });
  }

  return {bar, follow};
})();
