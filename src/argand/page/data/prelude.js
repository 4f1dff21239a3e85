"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
// Plotly takes what stands between < and > for markup, and what follows & for a letter.
const plain = (text) => String(text).replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
