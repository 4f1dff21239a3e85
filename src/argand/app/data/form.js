"use strict";
// Forms of verbs: files by drop or choice, settings, and what is sent, with how much of it has gone.
(() => {
  const size = bytes => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

  function tell(input) {
    const list = input.closest(".drop").querySelector(".chosen"), files = [...input.files];
    const shown = files.slice(0, 8).map(file => argand.element("li", {}, `${file.name}, ${size(file.size)}`));
    if (files.length > 8) shown.push(argand.element("li", {}, `and ${files.length - 8} more`));
    list.replaceChildren(...shown);
    // New files take the place of those of an earlier run.
    const keep = input.form.querySelector('[name="keep"]');
    if (keep && files.length) keep.checked = false;
  }

  function take(input, dropped) {
    const all = new DataTransfer();
    for (const file of input.multiple ? [...input.files, ...dropped] : [...dropped].slice(0, 1)) all.items.add(file);
    input.files = all.files;
    tell(input);
  }

  function accept(zone) {
    const input = zone.querySelector("input[type=file]");
    const mark = over => event => {
      event.preventDefault();
      zone.classList.toggle("over", over);
    };
    zone.addEventListener("dragover", mark(true));
    zone.addEventListener("dragleave", mark(false));
    zone.addEventListener("drop", event => {
      mark(false)(event);
      take(input, event.dataTransfer.files);
    });
    input.addEventListener("change", () => tell(input));
  }

  // The verb comes first and the files last: the server checks each file as it arrives.
  function content(form, example) {
    const sent = new FormData(), files = [];
    sent.append("verb", form.dataset.verb);
    if (example) sent.append("example", "yes");
    if (form.dataset.repeat) sent.append("repeat", form.dataset.repeat);
    // Not form.elements: a setting has that name, and would hide it.
    for (const one of form.querySelectorAll("input[name], select[name]")) {
      if (one.type === "file") files.push(...(example && one.hasAttribute("data-place") ? [] : [...one.files].map(file => [one.name, file])));
      else if (one.name === "keep") { if (one.checked) sent.append("keep", "yes"); }
      else if (one.type === "checkbox") sent.append(one.name, one.checked ? "yes" : "no");
      else if (one.value.trim()) sent.append(one.name, one.value);
    }
    for (const [name, file] of files) sent.append(name, file, file.name);
    return sent;
  }

  function send(form, example) {
    const bar = form.querySelector(".sending"), note = form.querySelector("[role=alert]");
    const buttons = [...form.querySelectorAll("button")], request = new XMLHttpRequest();
    const free = text => {
      bar.hidden = true;
      for (const one of buttons) one.disabled = false;
      app.complain(note, text);
    };
    app.complain(note, "");
    bar.hidden = false;
    for (const one of buttons) one.disabled = true;
    request.open("POST", "/api/runs");
    request.setRequestHeader("x-csrf-token", app.csrf);
    request.responseType = "json";
    request.upload.addEventListener("progress", event => { bar.value = event.total ? event.loaded / event.total : 0; });
    request.addEventListener("load", () => {
      if (request.status === 201) location.assign(`/runs/${encodeURIComponent(request.response.id)}`);
      else free(request.response?.error ?? `the server answers ${request.status}`);
    });
    // A server that refuses a large file closes the connection before all of it was sent.
    request.addEventListener("error", () => free("the server refused or is gone: are the files larger than is allowed?"));
    request.send(content(form, example));
  }

  for (const form of document.querySelectorAll("form.job")) {
    form.querySelectorAll(".drop").forEach(accept);
    form.addEventListener("submit", event => {
      event.preventDefault();
      send(form, false);
    });
    form.querySelector("[data-example]")?.addEventListener("click", () => send(form, true));
  }
  // Files that miss a zone must not replace the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, event => event.preventDefault());
  // A page that comes back from the browser's history has its buttons as they were left.
  addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
})();
