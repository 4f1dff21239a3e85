"use strict";
// What all pages of the app share: requests that may change something, and times in the reader's own zone.
const app = (() => {
  const csrf = document.querySelector('meta[name="csrf"]').content;

  // The answer of the API in plain values; an Error with its one line where it refuses.
  async function ask(method, address) {
    const answer = await fetch(address, {method, headers: {"x-csrf-token": csrf}});
    const told = await answer.json().catch(() => ({error: `the server answers ${answer.status}`}));
    if (!answer.ok) throw new Error(told.error);
    return told;
  }

  const local = text => {
    const when = new Date(text);
    return Number.isNaN(when.getTime()) ? text : when.toLocaleString();
  };
  for (const one of document.querySelectorAll("time")) one.textContent = local(one.dateTime);

  function complain(place, text) {
    place.textContent = text;
    place.hidden = !text;
  }

  // What a reader should know in a few words: 2 h 5 min, 3 min, 12 s.
  function duration(seconds) {
    if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
    return seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`;
  }

  return {csrf, ask, local, complain, duration};
})();
