"use strict";
// The watched folder: alarm, course of the beam centre, and the latest images.
(() => {
  const ASK_MS = 1000, HEIGHT = 260, LEFT = 56, RIGHT = 12, TOP = 14, BOTTOM = 30;
  const byId = id => document.getElementById(id), {element} = argand;
  if (!byId("course")) return;

  const number = (value, digits = 2) => value === null ? "" : value.toFixed(digits);

  function places(course) {
    const times = course.map(one => Date.parse(one.time));
    return times.some(Number.isNaN) ? course.map((_, index) => index) : times;
  }

  // Shifts from the header, as lines with marks, and their length, which the alarm is about; to the right is
  // time, or the order where no times are known.
  function draw(course, limit) {
    // In px of the screen, so that text is legible on a phone too.
    const width = byId("course").clientWidth, svg = element("svg", {viewBox: `0 0 ${width} ${HEIGHT}`});
    if (!course.length) return byId("course").replaceChildren("no trusted centre yet");
    const along = places(course), lengths = course.map(one => one.shift_px);
    const moved = [0, 1].map(axis => course.map(one => one.shift[axis]));
    const most = Math.max(limit, ...lengths) * 1.08;
    const start = along[0], span = Math.max(...along) - start || 1;
    const x = value => LEFT + (value - start) / span * (width - LEFT - RIGHT);
    const y = value => TOP + (1 - (value + most) / (2 * most)) * (HEIGHT - TOP - BOTTOM);
    for (const value of [0, limit]) {
      svg.append(element("line", {class: value ? "limit" : "axis", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value)}),
        element("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, `${value > 0 ? "+" : ""}${value} px`));
    }
    const line = values => values.map((value, index) => `${x(along[index]).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    svg.append(element("polyline", {class: "whole", points: line(lengths)}));
    moved.forEach((values, axis) => {
      svg.append(element("polyline", {class: axis ? "slow" : "fast", points: line(values)}));
      if (course.length <= 200) values.forEach((value, index) => svg.append(axis
        ? element("rect", {class: "dot", x: x(along[index]) - 3, y: y(value) - 3, width: 6, height: 6})
        : element("circle", {class: "dot", cx: x(along[index]), cy: y(value), r: 3.4})));
    });
    const timed = course[0].time !== null;
    svg.append(element("text", {x: LEFT, y: HEIGHT - 8}, timed ? app.local(course[0].time) : "first"),
      element("text", {x: width - RIGHT, y: HEIGHT - 8, "text-anchor": "end"}, timed ? new Date(course.at(-1).time).toLocaleTimeString() : "last"));
    byId("course").replaceChildren(svg);
  }

  function row(image) {
    const good = image.verdict === "trusted";
    const cell = (label, content, kind = "") => element("td", {"data-label": label, class: kind}, content);
    return element("tr", {}, element("th", {scope: "row", "data-label": "image"}, image.name),
      cell("verdict", element("span", {class: `badge ${good ? "good" : "bad"}`}, `${good ? "✓" : "✗"} ${image.verdict}`)),
      cell("beam centre, px", image.values["beam centre, px"] ?? image.values["best guess, px"] ?? "", `number${good ? "" : " best-guess"}`),
      cell("shift, px", number(image.shift_px), "number"), cell("time", image.time ? app.local(image.time) : ""),
      cell("why", image.reason));
  }

  function tile(value, name) {
    return element("div", {class: "tile"}, element("b", {}, String(value)), element("span", {}, name));
  }

  function show(watch) {
    const alarm = byId("alarm");
    const told = watch.shift_px === null ? "no trusted centre yet"
      : watch.alarm ? `⚠ ALARM: the centre is ${number(watch.shift_px)} px off, more than ${watch.alarm_px} px`
        : `✓ in order: the centre is ${number(watch.shift_px)} px off, within ${watch.alarm_px} px`;
    // Said again only when it changes, so that a screen reader is not always talking.
    if (alarm.textContent !== told) alarm.textContent = told;
    alarm.className = `verdict ${watch.alarm ? "bad" : watch.shift_px === null ? "" : "good"}`;
    document.title = `${watch.alarm ? "⚠ ALARM" : "Watch"} – argand`;
    app.complain(byId("ended"), watch.message ? `the watch has ended: ${watch.message}` : "");
    byId("tiles").replaceChildren(...Object.entries(watch.counts).map(([name, count]) => tile(count, name)),
      tile(watch.shift_px === null ? "–" : `${number(watch.shift_px)} px`, "latest shift"));
    byId("images").replaceChildren(...watch.images.map(row));
    draw(watch.course, watch.alarm_px);
  }

  async function follow() {
    try {
      show(await app.ask("GET", "/api/watch"));
    } catch (error) {
      app.complain(byId("ended"), `no news: ${error.message}`);
    }
    setTimeout(follow, ASK_MS);
  }
  follow();
})();
