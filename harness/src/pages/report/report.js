"use strict";
const byProducer = new Map();
for (const stretch of JSON.parse(document.getElementById("messages").textContent)) {
  if (!byProducer.has(stretch.producer)) byProducer.set(stretch.producer, []);
  byProducer.get(stretch.producer).push({ from: stretch.from, kinds: unpack(stretch.cells) });
}
// A blank cell between two stretches stands for the ids that do not exist.
const blocks = [...byProducer].map(([producer, stretches]) => {
  const kinds = [], starts = [];
  for (const stretch of stretches) {
    if (kinds.length > 0) kinds.push(0);
    starts.push({ at: kinds.length, from: stretch.from });
    for (const kind of stretch.kinds) kinds.push(kind);
  }
  const id = (at) => {
    const start = starts.findLast((start) => start.at <= at);
    return producer + "-" + (start.from + at - start.at);
  };
  return { length: kinds.length, kinds: Uint8Array.from(kinds), id };
});
const canvas = document.getElementById("map");
if (canvas) {
  const map = messageMap(canvas, document.getElementById("map-said"), 520);
  map.show(blocks);
  document.getElementById("map-previous").addEventListener("click", () => map.seek(-1));
  document.getElementById("map-next").addEventListener("click", () => map.seek(1));
}
// On paper nothing can be opened.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
