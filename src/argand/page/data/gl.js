"use strict";
// One WebGL2 context for all structures of a page: each is drawn there, and copied onto the canvas of its
// view, since browsers lose the oldest of more than 16 contexts. Balls are ray-cast on squares, sticks are tubes
// of triangles.
const gpu = (() => {
  // By hand: sides of a stick; more look no rounder at 10 px.
  const SIDES = 14;
  // What all shaders share: turned places, light, haze with depth, grey for a best guess.
  const SHARED = `#version 300 es
    precision highp float;
    uniform mat3 turn; uniform vec3 middle; uniform vec2 scale, pan; uniform float depth, haze, grey, flat_;
    uniform vec3 ground; uniform float pixel;
    vec3 seen(vec3 p) { return turn * (p - middle); }
    vec4 placed(vec3 v) { return vec4((v.xy + pan) * scale, -v.z / depth, 1.0); }
    vec3 lit(vec3 colour, vec3 n, float z) {
      colour = mix(colour, vec3(dot(colour, vec3(0.3, 0.59, 0.11))) * 0.6 + 0.3, grey);
      float main = max(dot(n, normalize(vec3(-0.45, 0.6, 0.75))), 0.0);
      float shine = pow(max(dot(n, normalize(vec3(-0.25, 0.33, 0.9))), 0.0), 40.0);
      float rim = smoothstep(0.0, 0.45, n.z);
      vec3 c = colour * (0.5 + 0.58 * main) * mix(0.55, 1.0, rim) + 0.22 * shine * (1.0 - 0.5 * grey);
      c = mix(c, colour, flat_);
      return mix(c, ground, haze * clamp(0.5 - z / (2.0 * depth) * 1.6, 0.0, 1.0));
    }`;
  const SOURCES = {
    balls: [`${SHARED}
      in vec2 corner; in vec3 centre; in float radius; in vec3 colour;
      out vec2 q; out vec3 tint; out float away, size;
      void main() {
        vec3 v = seen(centre);
        float rim = radius + 1.5 * pixel;
        q = corner * rim / radius; tint = colour; away = v.z; size = radius;
        gl_Position = placed(v + vec3(corner * rim, 0.0));
      }`, `${SHARED}
      in vec2 q; in vec3 tint; in float away, size;
      out vec4 shown;
      void main() {
        float far = length(q), cover = clamp((1.0 - far) * size / pixel + 0.5, 0.0, 1.0);
        if (cover <= 0.0) discard;
        vec3 n = vec3(q, sqrt(max(0.0, 1.0 - far * far)));
        float z = away + n.z * size;
        gl_FragDepth = 0.5 - 0.5 * z / depth;
        shown = vec4(lit(tint, n, z), cover);
      }`],
    sticks: [`${SHARED}
      in vec3 side; in vec3 from, to; in float radius, cut; in vec3 colour, other;
      out vec3 normal; out float along, split, away; out vec3 one, two;
      uniform float thick;
      void main() {
        vec3 axis = normalize(to - from);
        vec3 u = normalize(cross(axis, abs(axis.x) < 0.7 ? vec3(1, 0, 0) : vec3(0, 1, 0)));
        vec3 n = side.x * u + side.y * cross(axis, u);
        vec3 v = seen(mix(from, to, side.z) + n * max(radius, thick * pixel));
        normal = turn * n; along = side.z; split = cut; one = colour; two = other; away = v.z;
        gl_Position = placed(v);
      }`, `${SHARED}
      in vec3 normal; in float along, split, away; in vec3 one, two;
      out vec4 shown;
      void main() { shown = vec4(lit(along < split ? one : two, normalize(normal), away), 1.0); }`],
    faces: [`${SHARED}
      in vec3 place, normal, colour;
      out vec3 n, tint; out float away;
      void main() {
        vec3 v = seen(place);
        n = turn * normal; tint = colour; away = v.z;
        gl_Position = placed(v);
      }`,
    `${SHARED}
      in vec3 n, tint; in float away;
      out vec4 shown;
      uniform float opacity, glass;
      void main() {
        vec3 up = normalize(n.z < 0.0 ? -n : n);
        shown = vec4(lit(tint, up, away), opacity * mix(1.0, 0.4 + 0.6 * (1.0 - up.z), glass));
      }`],
  };
  let gl = null, programs = {}, age = 0, failed = "";
  const restored = new Set();

  function begin() {
    const canvas = document.createElement("canvas");
    gl = canvas.getContext("webgl2", {alpha: false, antialias: true, powerPreference: "low-power"});
    if (!gl) {
      failed = "this browser has no WebGL2, or it is switched off; all numbers are in the tables and files";
      return;
    }
    canvas.addEventListener("webglcontextlost", event => event.preventDefault());
    canvas.addEventListener("webglcontextrestored",
      () => { build(); restored.forEach(callback => callback()); });
    build();
  }

  function build() {
    age += 1;
    programs = {};
    for (const [name, source] of Object.entries(SOURCES)) programs[name] = program(...source);
  }

  function program(vertex, fragment) {
    const made = gl.createProgram();
    [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]].forEach(([kind, source]) => {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    });
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(`WebGL2 does not take a shader: ${gl.getProgramInfoLog(made)}`);
    const uniforms = {};
    for (let i = 0; i < (gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS) ?? 0); i++) {
      const {name} = gl.getActiveUniform(made, i);
      uniforms[name] = gl.getUniformLocation(made, name);
    }
    return {made, uniforms};
  }

  // Vertices of a program: columns {name: width}, whose values lie in `values` one row after the other.
  function columns(name, widths, values, step) {
    const buffer = gl.createBuffer(), stride = 4 * Object.values(widths).reduce((a, b) => a + b);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    let offset = 0;
    for (const [column, width] of Object.entries(widths)) {
      const place = gl.getAttribLocation(programs[name].made, column);
      if (place >= 0) {
        gl.enableVertexAttribArray(place);
        gl.vertexAttribPointer(place, width, gl.FLOAT, false, stride, offset);
        gl.vertexAttribDivisor(place, step);
      }
      offset += 4 * width;
    }
    return buffer;
  }

  const SQUARE = new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]);
  const TUBE = new Float32Array(Array.from({length: SIDES + 1}, (_, i) => [0, 1].flatMap(end =>
    [Math.cos(2 * Math.PI * i / SIDES), Math.sin(2 * Math.PI * i / SIDES), end])).flat());
  const WIDTHS = {balls: {centre: 3, radius: 1, colour: 3},
    sticks: {from: 3, to: 3, radius: 1, cut: 1, colour: 3, other: 3},
    faces: {place: 3, normal: 3, colour: 3}};
  const SIZES = {balls: 7, sticks: 14, faces: 9};

  // A part of a scene, {kind, values, indices}, sent to the card once; `part.gpu` is its place there.
  function send(part) {
    if (part.gpu?.age === age) return;
    const vao = gl.createVertexArray(), buffers = [];
    gl.bindVertexArray(vao);
    if (part.kind === "balls") buffers.push(columns("balls", {corner: 2}, SQUARE, 0));
    if (part.kind === "sticks") buffers.push(columns("sticks", {side: 3}, TUBE, 0));
    buffers.push(columns(part.kind, WIDTHS[part.kind], part.values, part.kind === "faces" ? 0 : 1));
    if (part.indices) {
      buffers.push(gl.createBuffer());
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.at(-1));
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, part.indices, gl.DYNAMIC_DRAW);
    }
    part.gpu = {age, vao, buffers};
  }

  function free(part) {
    if (!part?.gpu || part.gpu.age !== age) return;
    gl.deleteVertexArray(part.gpu.vao);
    part.gpu.buffers.forEach(one => gl.deleteBuffer(one));
    part.gpu = null;
  }

  // Triangles from the farthest to the nearest, that each shows through those before it.
  function order(part, turn) {
    const depth = part.middles.map(m => turn[6] * m[0] + turn[7] * m[1] + turn[8] * m[2]);
    const turned = [...depth.keys()].sort((a, b) => depth[a] - depth[b]);
    turned.forEach((from, to) => { for (let k = 0; k < 3; k++) part.indices[3 * to + k] = 3 * from + k; });
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, part.indices);
  }

  function run(part, look) {
    const count = part.values.length / SIZES[part.kind];
    if (!count) return;
    send(part);
    const {made, uniforms} = programs[part.kind];
    gl.useProgram(made);
    gl.bindVertexArray(part.gpu.vao);
    gl.uniformMatrix3fv(uniforms.turn, true, look.turn);
    for (const name of ["middle", "ground"]) gl.uniform3fv(uniforms[name], look[name]);
    for (const name of ["scale", "pan"]) gl.uniform2fv(uniforms[name], look[name]);
    for (const name of ["depth", "grey", "pixel", "haze"]) gl.uniform1f(uniforms[name], look[name]);
    gl.uniform1f(uniforms.flat_, part.flat ?? 0);
    if (part.kind === "sticks") gl.uniform1f(uniforms.thick, part.thick ?? 0);
    if (part.kind === "balls") {
      gl.enable(gl.SAMPLE_ALPHA_TO_COVERAGE);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
      gl.disable(gl.SAMPLE_ALPHA_TO_COVERAGE);
    } else if (part.kind === "sticks") gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 2 * (SIDES + 1), count);
    else faces(part, uniforms, look);
  }

  // Sorted faces show what is behind them; of a contour only the nearest sheet is drawn, by its depth first.
  function faces(part, uniforms, look) {
    gl.uniform1f(uniforms.opacity, part.opacity);
    gl.uniform1f(uniforms.glass, part.glass && !part.lines ? 1 : 0);
    if (part.lines) {
      gl.drawElements(gl.LINES, part.indices.length, gl.UNSIGNED_INT, 0);
      return;
    }
    if (part.middles) order(part, look.turn);
    else {
      gl.colorMask(false, false, false, false);
      gl.drawElements(gl.TRIANGLES, part.indices.length, gl.UNSIGNED_INT, 0);
      gl.colorMask(true, true, true, true);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(false);
    gl.drawElements(gl.TRIANGLES, part.indices.length, gl.UNSIGNED_INT, 0);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }

  // Draws parts and copies them onto a 2-D canvas, width x height its pixels; false while the context
  // is lost.
  function draw(parts, look, pen, width, height) {
    if (gl.isContextLost()) return false;
    const canvas = gl.canvas;
    if (canvas.width < width) canvas.width = width;
    if (canvas.height < height) canvas.height = height;
    gl.viewport(0, 0, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, 0, width, height);
    gl.clearColor(...look.ground, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    parts.forEach(part => run(part, look));
    gl.bindVertexArray(null);
    pen.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, width, height);
    return true;
  }

  // Must be called before all else; throws where there is no WebGL2.
  function ready(again) {
    if (!gl && !failed) begin();
    if (failed) throw new Error(failed);
    restored.add(again);
  }

  return {ready, draw, free, get context() { return gl; }};
})();
