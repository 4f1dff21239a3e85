"use strict";
// What the pages of all systems share: light and dark, tables that sort and page, and views that are drawn when
// they are scrolled to. A view's script adds `argand.views[kind] = async (stage, data, figure) => ...`.
const argand = (() => {
  const views = {}, listeners = {}, themed = new Set(), state = {};

  // An element with attributes (text values; true for a bare one; a function for an event) and children.
  function element(tag, attributes = {}, ...children) {
    const made = tag === "svg" || element.svg.has(tag)
      ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") made.addEventListener(name, value);
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
  }
  element.svg = new Set(["g", "path", "circle", "rect", "line", "polyline", "polygon", "text", "tspan", "defs",
    "clipPath", "pattern", "ellipse", "image"]);

  // The typed array of what Python's `packed` made: base64 of gzip of little-endian values.
  async function array(packed) {
    const bytes = Uint8Array.from(atob(packed.data), letter => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const kinds = {uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array,
      uint32: Uint32Array, float32: Float32Array};
    return new kinds[packed.dtype](await new Response(stream).arrayBuffer());
  }

  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const onTheme = callback => themed.add(callback);

  // Views of one group show the same item: `show` tells all of them its number, `on` hears of it.
  function on(group, callback) {
    (listeners[group] ??= new Set()).add(callback);
    if (group in state) callback(state[group]);
  }
  function show(group, number) {
    if (state[group] === number) return;
    state[group] = number;
    for (const callback of listeners[group] ?? []) callback(number);
  }

  function button(label, pressed, action) {
    const made = element("button", {type: "button"}, label);
    if (pressed !== null) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", () => {
      if (pressed !== null) {
        pressed = !pressed;
        made.setAttribute("aria-pressed", String(pressed));
      }
      action(pressed);
    });
    return made;
  }

  // A labelled slider; `told` gives the text of its value.
  function slider(label, {min, max, step, value}, told, action) {
    const input = element("input", {type: "range", min, max, step});
    input.value = value;
    const output = element("output", {}, told(value));
    const heard = () => {
      output.textContent = told(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
      action(Number(input.value));
    };
    input.addEventListener("input", heard);
    const made = element("label", {}, label, input, output);
    made.set = number => { input.value = number; output.textContent = told(number); };
    return made;
  }

  function choice(label, names, chosen, action) {
    const select = element("select", {}, ...names.map((name, number) => element("option", {value: number}, name)));
    select.value = chosen;
    select.addEventListener("change", () => action(Number(select.value)));
    const made = element("label", {}, label, select);
    made.set = number => { select.value = number; };
    return made;
  }

  // Where the controls of a view stand: above its stage.
  function tools(figure) {
    let bar = figure.querySelector(":scope > .tools");
    if (!bar) {
      bar = element("div", {class: "tools"});
      figure.querySelector(":scope > .stage").before(bar);
    }
    return bar;
  }

  // Save a canvas or other blob under a file name.
  function save(blob, name) {
    const link = element("a", {href: URL.createObjectURL(blob), download: name});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function draw(figure) {
    if (figure.dataset.drawn) return;
    figure.dataset.drawn = "begun";
    const stage = figure.querySelector(":scope > .stage");
    stage.classList.add("waiting");
    try {
      const data = JSON.parse(figure.querySelector(":scope > script").textContent);
      await views[figure.dataset.view](stage, data, figure);
      figure.dataset.drawn = "yes";
    } catch (error) {
      figure.dataset.drawn = "failed";
      stage.textContent = `This view cannot be drawn here: ${error.message}`;
      console.error(error);
    }
    stage.classList.remove("waiting");
  }

  const PAGE_ROWS = 50;

  function sorted(rows, column, sign) {
    const value = row => {
      const cell = row.cells[column];
      const told = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
      const number = Number.parseFloat(told.replace("−", "-"));
      return told === "" || told === "–" ? null : Number.isNaN(number) ? told : number;
    };
    const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
      : String(a).localeCompare(String(b), undefined, {numeric: true});
    return rows.map(row => [value(row), row]).sort(([a], [b]) =>
      a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * order(a, b)).map(([, row]) => row);
  }

  // Scrolls a sheet, and not the page, until a row of it can be seen below its headings.
  function scrollTo(sheet, row) {
    const box = sheet.getBoundingClientRect(), place = row.getBoundingClientRect();
    const top = box.top + sheet.querySelector("thead").getBoundingClientRect().height;
    if (place.top < top) sheet.scrollTop -= top - place.top;
    else if (place.bottom > box.bottom) sheet.scrollTop += place.bottom - box.bottom;
  }

  // Headings sort; long tables are shown in pages, with a filter; the row of the item that is shown is in sight.
  function table(sheet) {
    const body = sheet.querySelector("tbody"), heads = [...sheet.querySelectorAll("thead th")];
    let rows = [...body.rows], first = 0, wanted = "";
    const long = rows.length > PAGE_ROWS;
    const told = element("span", {"aria-live": "polite"});
    const fitting = () => rows.filter(row => row.textContent.toLowerCase().includes(wanted));
    function fill() {
      const fit = fitting();
      first = Math.max(0, Math.min(first, Math.floor((fit.length - 1) / PAGE_ROWS) * PAGE_ROWS));
      const shown = long ? fit.slice(first, first + PAGE_ROWS) : fit;
      body.replaceChildren(...shown);
      told.textContent = fit.length ? `${first + 1} to ${first + shown.length} of ${fit.length}` : "none";
    }
    heads.forEach((head, column) => {
      if (!head.textContent.trim()) return;
      head.setAttribute("aria-sort", "none");
      const click = element("button", {type: "button", click: () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach(other => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        rows = sorted(rows, column, sign);
        fill();
      }}, ...head.childNodes);
      head.replaceChildren(click);
    });
    function bring(group, number) {
      const row = rows.find(one => one.dataset.group === group && Number(one.dataset.number) === number);
      if (row && !row.isConnected && row.textContent.toLowerCase().includes(wanted)) {
        first = Math.floor(fitting().indexOf(row) / PAGE_ROWS) * PAGE_ROWS;
        fill();
      }
      if (row?.isConnected) scrollTo(sheet, row);
    }
    new Set(rows.map(row => row.dataset.group).filter(Boolean)).forEach(group => on(group, number => bring(group, number)));
    if (!long) return;
    const turn = step => () => { first += step * PAGE_ROWS; fill(); };
    const filter = element("input", {type: "search", placeholder: "filter rows", "aria-label": "filter rows",
      input: event => { wanted = event.target.value.toLowerCase(); first = 0; fill(); }});
    sheet.prepend(element("div", {class: "pager"}, filter, element("button", {type: "button", click: turn(-1)}, "previous"),
      element("button", {type: "button", click: turn(1)}, "next"), told));
    addEventListener("beforeprint", () => body.replaceChildren(...rows));
    addEventListener("afterprint", fill);
    // A link to a row that is on another page, or hidden by the filter, brings it back.
    addEventListener("hashchange", () => {
      const row = rows.find(one => one.id && `#${one.id}` === location.hash);
      if (!row || row.isConnected) return;
      wanted = filter.value = "";
      first = Math.floor(rows.indexOf(row) / PAGE_ROWS) * PAGE_ROWS;
      fill();
      row.scrollIntoView();
    });
    fill();
  }

  // A click on a row, or Enter, shows its item in the views of its group.
  function choosable(row) {
    const number = Number(row.dataset.number), group = row.dataset.group;
    row.tabIndex = 0;
    row.addEventListener("click", () => show(group, number));
    row.addEventListener("keydown", event => {
      if (event.key === "Enter" && event.target === row) show(group, number);
    });
    on(group, shown => {
      row.classList.toggle("chosen", shown === number);
      row.setAttribute("aria-selected", String(shown === number));
    });
  }

  function theme() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const tell = () => requestAnimationFrame(() => themed.forEach(callback => callback()));
    system.addEventListener("change", tell);
    const dark = () => document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : system.matches;
    const label = () => (dark() ? "light" : "dark");
    const made = element("button", {type: "button", class: "theme", click: () => {
      document.documentElement.dataset.theme = label();
      made.textContent = label();
      tell();
    }}, label());
    made.title = "light or dark colours";
    document.querySelector(".top")?.append(made);
  }

  // Text and tables are painted first; a view is drawn when it is near the window.
  function start() {
    theme();
    document.querySelectorAll("tr[data-group]").forEach(choosable);  // before rows on later pages are taken out
    document.querySelectorAll(".sheet.sorts").forEach(table);
    document.querySelectorAll("[data-copy]").forEach(block => block.append(
      element("button", {type: "button", click: event => navigator.clipboard.writeText(block.dataset.copy).then(
        () => { event.target.textContent = "copied"; }, () => { event.target.textContent = "select and copy it"; })}, "copy")));
    const figures = [...document.querySelectorAll("figure.view")];
    const watch = new IntersectionObserver(seen => seen.forEach(one => {
      if (!one.isIntersecting) return;
      watch.unobserve(one.target);
      draw(one.target);
    }), {rootMargin: "300px"});
    requestAnimationFrame(() => setTimeout(() => figures.forEach(figure => watch.observe(figure))));
    addEventListener("beforeprint", () => figures.forEach(draw));
  }

  return {views, element, array, css, onTheme, on, show, button, slider, choice, tools, save, draw, start};
})();
document.readyState === "loading" ? addEventListener("DOMContentLoaded", argand.start) : setTimeout(argand.start);
