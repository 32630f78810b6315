"use strict";
// The map of all messages: one cell each, as long as they fit; beyond that a cell stands for several and shows the
// gravest of them. Kinds are numbers, 0 where there is no message, else 1 + the place in `words`.

const KINDS = JSON.parse(document.getElementById("kinds").textContent);

function unpack(text) {
  const kinds = [];
  for (const [, letter, times] of text.matchAll(/([A-Z])(\d*)/g)) {
    const kind = letter.charCodeAt(0) - 64;
    for (let left = times === "" ? 1 : Number(times); left > 0; left -= 1) kinds.push(kind);
  }
  return kinds;
}

function messageMap(canvas, said, most) {
  const context = canvas.getContext("2d");
  const gap = 8;
  let blocks = [], layout = null, chosen = null, colours = [];

  // Little-endian pixels, as every browser's machine has them.
  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const pixel = (name) => {
      const hex = style.getPropertyValue(name).trim();
      const part = (at) => parseInt(hex.slice(at, at + 2), 16);
      return (0xff000000 | part(5) << 16 | part(3) << 8 | part(1)) >>> 0;
    };
    colours = [0].concat(KINDS.map((kind) => pixel("--cell-" + kind.word)), pixel("--ink"));
  }

  function fit(width) {
    const shown = blocks.length > 40 ? 0 : gap;
    for (const size of [12, 10, 8, 6, 5, 4, 3, 2]) {
      const columns = Math.max(1, Math.floor(width / size));
      const rows = (each) => blocks.reduce((sum, block) => sum + Math.ceil(Math.ceil(block.length / each) / columns), 0);
      const height = (each) => rows(each) * size + shown * blocks.length;
      if (height(1) <= most) return { size, columns, each: 1, gap: shown };
      if (size === 2) {
        let each = 2;
        while (height(each) > most && each < 1 << 24) each = Math.ceil(each * 1.1);
        return { size, columns, each, gap: shown };
      }
    }
  }

  function draw() {
    const width = Math.max(40, Math.floor(canvas.parentElement.clientWidth));
    layout = fit(width);
    let top = 0;
    layout.places = blocks.map((block) => {
      const cells = Math.ceil(block.length / layout.each);
      const place = { block, top, cells, rows: Math.ceil(cells / layout.columns) };
      top += place.rows * layout.size + layout.gap;
      return place;
    });
    const height = Math.max(layout.size, top - layout.gap);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const place of layout.places) drawBlock(pixels, width, place);
    if (chosen) {
      chosen.place = layout.places[chosen.number];
      if (!chosen.place || chosen.cell >= chosen.place.cells) chosen = null;
    }
    if (chosen) outline(pixels, width, height, chosen);
    context.putImageData(image, 0, 0);
  }

  function gravest(block, cell) {
    if (layout.each === 1) return block.kinds[cell];
    const end = Math.min(block.length, (cell + 1) * layout.each);
    let worst = 0;
    for (let at = cell * layout.each; at < end; at += 1) if (block.kinds[at] > worst) worst = block.kinds[at];
    return worst;
  }

  function drawBlock(pixels, width, place) {
    const { size, columns } = layout;
    const inner = size >= 4 ? size - 1 : size;
    for (let cell = 0; cell < place.cells; cell += 1) {
      const kind = gravest(place.block, cell);
      if (kind === 0) continue;
      const left = (cell % columns) * size;
      const top = place.top + Math.floor(cell / columns) * size;
      const colour = colours[kind];
      // Whoever sees no colours sees a hole in what is duplicated and a slash through what is lost.
      const mark = size >= 6 ? KINDS[kind - 1].mark : "";
      for (let y = 0; y < inner; y += 1) {
        for (let x = 0; x < inner; x += 1) {
          const hole = mark === "hole" && x > 1 && y > 1 && x < inner - 2 && y < inner - 2;
          if (hole || (mark === "slash" && Math.abs(x + y - inner + 1) < 1)) continue;
          pixels[(top + y) * width + left + x] = colour;
        }
      }
    }
  }

  function outline(pixels, width, height, { place, cell }) {
    const { size, columns } = layout;
    const left = (cell % columns) * size, top = place.top + Math.floor(cell / columns) * size;
    for (let y = top - 2; y <= top + size; y += 1) {
      for (let x = left - 2; x <= left + size; x += 1) {
        const inside = x >= left && x < left + size - 1 && y >= top && y < top + size - 1;
        if (!inside && x >= 0 && y >= 0 && x < width && y < height) pixels[y * width + x] = colours[colours.length - 1];
      }
    }
  }

  function tell() {
    const { place, cell } = chosen;
    const kind = gravest(place.block, cell);
    const from = cell * layout.each, to = Math.min(place.block.length, from + layout.each) - 1;
    const ids = from === to ? place.block.id(from) : place.block.id(from) + " to " + place.block.id(to);
    const what = kind === 0 ? "no message" : KINDS[kind - 1].word + ": " + KINDS[kind - 1].means;
    said.textContent = ids + (from === to ? " · " : " · the gravest: ") + what;
  }

  function choose(number, cell) {
    const place = layout.places[number];
    if (!place || place.cells === 0) return;
    chosen = { number, place, cell: Math.max(0, Math.min(place.cells - 1, cell)) };
    draw();
    tell();
  }

  function step(by) {
    if (!chosen) return choose(0, 0);
    const wanted = chosen.cell + by;
    if (wanted >= chosen.place.cells) return choose(chosen.number + 1, 0);
    if (wanted < 0) return choose(chosen.number - 1, Number.MAX_SAFE_INTEGER);
    choose(chosen.number, wanted);
  }

  // The next or previous cell of which somebody should know the cause.
  function seek(by) {
    let number = chosen ? chosen.number : 0, cell = chosen ? chosen.cell : by > 0 ? -1 : 0;
    for (let block = 0; block <= layout.places.length; block += 1) {
      const place = layout.places[number];
      for (cell += by; place && cell >= 0 && cell < place.cells; cell += by) {
        const kind = gravest(place.block, cell);
        if (kind > 0 && KINDS[kind - 1].odd) return choose(number, cell);
      }
      number = (number + by + layout.places.length) % layout.places.length;
      cell = by > 0 ? -1 : layout.places[number] ? layout.places[number].cells : 0;
    }
    said.textContent = "every message is as it should be";
  }

  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const number = layout.places.findIndex((place) => y >= place.top && y < place.top + place.rows * layout.size);
    const column = Math.floor(x / layout.size);
    if (number < 0 || column >= layout.columns) return;
    const cell = Math.floor((y - layout.places[number].top) / layout.size) * layout.columns + column;
    if (cell < layout.places[number].cells) choose(number, cell);
  });
  canvas.addEventListener("keydown", (event) => {
    const columns = layout.columns;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (!(event.key in steps)) return;
    event.preventDefault();
    step(steps[event.key]);
  });
  function redraw() {
    readColours();
    draw();
  }
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", redraw);
  }
  addEventListener("beforeprint", redraw);
  addEventListener("resize", draw);
  readColours();
  return {
    show(wanted) { blocks = wanted; draw(); },
    forget() { chosen = null; },
    seek,
  };
}
