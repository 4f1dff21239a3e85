// Plots of a view side by side: drawing, the cursor with its readout, keys, the item that a group shows, PNG.
{
  const {element, plot} = argand;
  const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

  // Where the readout fits beside a spot of a place.
  function settle(readout, place, {x, y}) {
    const {offsetWidth: wide, offsetHeight: high} = readout;
    readout.style.left = `${Math.max(2, x + 14 + wide > place.clientWidth ? x - wide - 14 : x + 14)}px`;
    readout.style.top = `${Math.min(place.clientHeight - high - 2, Math.max(2, y - high - 10))}px`;
  }

  async function cell(place, data, group, tools) {
    const readout = element("output", {class: "readout", hidden: true});
    let drawing = null, cursor = null, chosen = null;
    const made = await plot[data.kind](data, tools, redraw);

    function redraw() {
      drawing?.svg.remove();
      drawing = made.draw(place.clientWidth, place.clientHeight);
      place.prepend(drawing.svg);
      mark();
    }
    function mark() {
      drawing.over.replaceChildren();
      if (chosen !== null) drawing.mark(chosen, true);
      if (cursor !== null) drawing.mark(cursor, false);
    }
    function point(item) {
      if (item === cursor && !readout.hidden === (item !== null)) return;
      cursor = item;
      mark();
      readout.hidden = item === null;
      if (item === null) return;
      readout.replaceChildren(...made.tell(item).map(line => element("div", {}, line)));
      settle(readout, place, drawing.spot(item));
    }
    const choose = item => { if (group !== null && made.linked && item !== null) argand.show(group, item); };
    const at = event => {
      const {left, top} = place.getBoundingClientRect();
      return drawing.pick(event.clientX - left - place.clientLeft, event.clientY - top - place.clientTop);
    };

    place.append(readout);
    place.setAttribute("tabindex", "0");
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", `${data.title}: ${data.told}. Arrow keys tell single values.`);
    place.addEventListener("pointermove", event => point(at(event)));
    place.addEventListener("pointerdown", event => point(at(event)));
    // A finger leaves after each touch; its readout stays until something else is touched.
    place.addEventListener("pointerleave", event => { if (event.pointerType !== "touch") point(null); });
    place.addEventListener("blur", () => point(null));
    place.addEventListener("click", event => choose(at(event)));
    place.addEventListener("keydown", event => {
      const step = KEYS[event.key];
      if (event.key === "Escape") return point(null);
      if (event.key === "Enter") return choose(cursor);
      if (!step || made.first === null) return;
      event.preventDefault();
      const many = event.shiftKey ? 10 : 1, from = cursor ?? chosen;
      point(from === null ? made.first : made.move(from, step[0] * many, step[1] * many));
      choose(cursor);
    });
    if (group !== null && made.linked) argand.on(group, number => {
      chosen = number >= 0 && number < made.linked ? number : null;
      if (drawing) mark();
    });
    new ResizeObserver(() => { if (place.clientWidth) redraw(); }).observe(place);
    redraw();
  }

  // The plots of a view as one picture, at twice the size of the screen.
  async function picture(stage) {
    const grid = stage.getBoundingClientRect(), canvas = element("canvas", {width: 2 * grid.width, height: 2 * grid.height});
    const pen = canvas.getContext("2d");
    pen.fillStyle = argand.css("--stage");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    for (const place of stage.querySelectorAll(".plot")) {
      const code = new XMLSerializer().serializeToString(place.querySelector("svg"))
        .replace(/var\((--[\w-]+)\)/g, (_, name) => argand.css(name));
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(code)}`;
      await image.decode();
      const {left, top, width, height} = place.getBoundingClientRect();
      pen.drawImage(image, 2 * (left - grid.left), 2 * (top - grid.top), 2 * width, 2 * height);
    }
    return new Promise(done => canvas.toBlob(done));
  }

  argand.views.plot = async (stage, data, figure) => {
    const tools = argand.tools(figure), places = [...stage.querySelectorAll(".plot")];
    await Promise.all(data.plots.map((one, n) => cell(places[n], one, data.group, tools)));
    const name = data.plots.map(one => one.title).join(" ").replace(/[^\p{L}\p{N}]+/gu, "_").slice(0, 60) || "plot";
    tools.append(argand.button("save as PNG", null, async () => argand.save(await picture(stage), `${name}.png`)));
  };
}
