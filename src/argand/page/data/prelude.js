"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
// Plotly treats <...> as markup and &...; as a character entity.
const plain = (text) => String(text).replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
