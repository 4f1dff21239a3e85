"use strict";
// Words on the item that the views of a group show: title, verdict, facts and a table. All of it is plain text.
argand.views.item = async (stage, data) => {
  const {element, on, show} = argand;
  const items = JSON.parse(new TextDecoder().decode(await argand.array(data.items)));
  let current = data.first, open = true;

  function verdict([trusted, reason]) {
    const kind = trusted ? "good" : "bad";
    return element("p", {class: `verdict ${kind}`},
      element("span", {class: `badge ${kind}`}, trusted ? "✓ trusted" : "✗ not trusted: best guess"), ` ${reason}`);
  }

  const shade = trusted => (trusted ? {} : {class: "best-guess", title: "best guess: this answer is not trusted"});

  function facts(entries, trusted) {
    return element("dl", {}, ...entries.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, element("span", shade(trusted), value)))));
  }

  function row(cells, trusted) {
    return element("tr", {}, ...cells.map((cell, place) => {
      const [name, isNumber] = data.columns[place];
      return element(place ? "td" : "th", {class: isNumber ? "number" : null, scope: place ? null : "row", "data-label": name},
        element("span", shade(trusted), cell));
    }));
  }

  function table(rows, trusted) {
    const head = element("tr", {}, ...data.columns.map(([name, isNumber]) =>
      element("th", {scope: "col", class: isNumber ? "number" : null}, name)));
    const sheet = element("div", {class: "sheet stacks"}, element("table", {},
      element("thead", {}, head), element("tbody", {}, ...rows.map(cells => row(cells, trusted)))));
    const fold = element("details", {toggle: () => { open = fold.open; }},
      element("summary", {}, `${data.table} (${rows.length})`), sheet);
    fold.open = open;
    return fold;
  }

  function fill(number) {
    if (!(number in items)) return;
    current = number;
    const one = items[number], trusted = one.verdict === null || one.verdict[0];
    const place = items.length > 1 ? element("span", {class: "soft"}, ` ${number + 1} of ${items.length}`) : null;
    stage.replaceChildren(element("h3", {}, one.title, place), ...[one.verdict].filter(Boolean).map(verdict),
      facts(one.facts, trusted), ...one.notes.map(note => element("p", {class: "soft"}, note)),
      ...(one.rows.length ? [table(one.rows, trusted)] : []));
  }

  on(data.group, fill);
  if (!stage.childElementCount) show(data.group, current);
};
