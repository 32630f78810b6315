"use strict";
const PHASES = ["up", "ready", "steady", "faults", "heal", "recover", "drain", "observe", "down"];
const PRODUCERS = 64; // More of them are counted, and have no cells here.
const boards = new Map();

// Made once: a number's own toLocaleString makes one each time, and a frame has many numbers.
const numbers = new Intl.NumberFormat("en");
const text = (count) => count === null || count === undefined ? "–" : numbers.format(count);

function element(name, options) {
  return Object.assign(document.createElement(name), options);
}

function newBoard(lab) {
  const root = document.getElementById("board").content.firstElementChild.cloneNode(true);
  const parts = {};
  root.querySelectorAll("[data-part]").forEach((part) => { parts[part.dataset.part] = part; });
  root.dataset.lab = lab;
  parts.phases.append(...PHASES.map((phase) => element("li", { textContent: phase })));
  document.getElementById("boards").append(root);
  const board = { parts, run: 0, producers: new Map(), tally: [], changed: false, top: 0 };
  board.map = messageMap(parts.map, parts.said, 360);
  parts.previous.addEventListener("click", () => board.map.seek(-1));
  parts.next.addEventListener("click", () => board.map.seek(1));
  return board;
}

function forget(board) {
  board.producers.clear();
  board.tally = KINDS.map(() => 0);
  board.dropped = false;
  board.map.forget();
  board.parts.lines.replaceChildren();
  board.top = 0;
}

// Puts cells where they belong, and keeps count of each kind.
function take(board, { producer, from, cells }) {
  if (!board.producers.has(producer)) {
    if (board.producers.size === PRODUCERS) {
      board.dropped = true;
      return;
    }
    board.producers.set(producer, { length: 0, kinds: new Uint8Array(1024), id: (at) => producer + "-" + at });
  }
  const block = board.producers.get(producer);
  let at = from;
  for (const [, letter, times] of cells.matchAll(/([A-Z])(\d*)/g)) {
    const kind = letter.charCodeAt(0) - 64, end = at + (times === "" ? 1 : Number(times));
    if (end > block.kinds.length) {
      const larger = new Uint8Array(Math.max(end, 2 * block.kinds.length));
      larger.set(block.kinds);
      block.kinds = larger;
    }
    for (; at < end; at += 1) {
      if (block.kinds[at] > 0) board.tally[block.kinds[at] - 1] -= 1;
      block.kinds[at] = kind;
    }
    board.tally[kind - 1] += Number(times === "" ? 1 : times);
    block.length = Math.max(block.length, end);
  }
}

function node(board, role, name, main, more) {
  const { counts, broken, judged } = board.news;
  const known = new Map(counts);
  const box = element("div", { className: "node" });
  box.dataset.role = role;
  if (!judged && broken.some((whom) => whom.startsWith(role))) box.classList.add("broken");
  const count = (word) => {
    const value = element("span", { textContent: text(known.get(word)) });
    value.dataset.count = word;
    return value;
  };
  const strong = element("strong");
  strong.append(count(main));
  box.append(element("b", { textContent: name, title: name }), strong, element("small", { textContent: main }));
  for (const word of more.filter((word) => known.get(word) > 0)) {
    const grave = word === "lost" || word === "duplicated";
    const small = element("small", { className: grave ? "bad" : "", textContent: word.replaceAll("_", " ") + " " });
    small.append(count(word));
    box.append(small);
  }
  return box;
}

function showWay(board) {
  const { way, phase, judged } = board.news;
  const moving = !judged && ["steady", "faults", "heal", "recover", "drain"].includes(phase);
  const nodes = [node(board, "producer", way.producer, "attempted", ["unknown", "rejected", "in_flight"])];
  nodes.push(node(board, "broker", way.broker, new Map(board.news.counts).get("unconfirmed") > 0 ? "unconfirmed" : "acked", ["stored", "stored_again", "deduplicated"]));
  if (way.consumer !== "") nodes.push(node(board, "consumer", way.consumer, "delivered", ["redelivered", "settled"]));
  nodes.push(node(board, "sink", "sink: " + way.sink, "applied", ["duplicated", "lost", "recovered"]));
  const arrow = () => element("div", { className: moving ? "arrow moving" : "arrow", ariaHidden: "true" });
  board.parts.way.replaceChildren(...nodes.flatMap((node, place) => place === 0 ? [node] : [arrow(), node]));
}

function showLines(board, lines) {
  const list = board.parts.lines;
  for (const line of lines) {
    const item = element("li");
    item.append(element("time", { textContent: line.at_s.toFixed(3) + " s" }), element("span", { className: line.class, textContent: line.text }));
    list.append(item);
  }
  while (list.childElementCount > 400) list.firstElementChild.remove();
}

function showLegend(board) {
  const items = KINDS.map((kind, place) => {
    if (!(board.tally[place] > 0)) return null;
    const item = element("li", { title: kind.means });
    item.append(element("span", { className: "swatch cell-" + kind.word + " " + kind.mark }), kind.word + " " + text(board.tally[place]));
    return item;
  });
  board.parts.legend.replaceChildren(...items.filter((item) => item !== null));
}

// A map that looks whole and is not would deceive.
function showBeyond(board) {
  const part = board.parts.beyond, cells = board.tally.reduce((sum, count) => sum + count, 0);
  part.hidden = !(board.news.beyond || board.dropped);
  const missing = new Map(board.news.counts).get("attempted") - cells;
  const who = missing === 1 ? "1 message has" : missing > 1 ? text(missing) + " messages have" : "Some messages have";
  part.textContent = who + " no cell here: the map has no room for more. In the counts nothing is left out.";
}

function showOutcomes(board, outcomes) {
  const { parts, news } = board;
  const last = outcomes[outcomes.length - 1];
  const current = news && news.judged ? last : undefined;
  parts.verdict.hidden = current === undefined;
  if (current) {
    parts.verdict.className = "verdict " + current.class;
    parts.verdict.dataset.verdict = current.verdict;
    parts.sign.textContent = current.sign;
    parts.sign.className = current.class;
    parts.sentence.textContent = current.sentence;
  }
  const earlier = current ? outcomes.slice(0, -1) : outcomes;
  parts["outcomes-section"].hidden = earlier.length === 0;
  parts.outcomes.replaceChildren(...earlier.map((outcome) => {
    const item = element("li");
    item.append(element("span", { className: outcome.class, textContent: outcome.sign + " " }), element("b", { textContent: outcome.target }), " " + outcome.sentence);
    return item;
  }));
}

function showAccount(board) {
  const { parts, news } = board;
  parts["account-section"].hidden = !news.judged;
  const rows = news.counts.filter(([, count]) => count !== null).map(([name, count]) => {
    const row = element("tr"), value = element("td", { className: "number", textContent: text(count) });
    value.dataset.account = name;
    row.append(element("th", { scope: "row", textContent: name }), value);
    return row;
  });
  parts.account.replaceChildren(...(news.judged ? rows : []));
}

function show(news) {
  if (!boards.has(news.lab)) boards.set(news.lab, newBoard(news.lab));
  const board = boards.get(news.lab), run = news.run;
  board.parts.title.textContent = news.title;
  board.news = run;
  if (run) {
    if (run.number !== board.run) forget(board);
    board.run = run.number;
    board.parts.target.textContent = run.target;
    board.parts.says.textContent = run.says + " Promised: " + run.contract + ".";
    const now = PHASES.indexOf(run.phase);
    [...board.parts.phases.children].forEach((phase, place) => {
      phase.className = run.judged || place < now ? "past" : place === now ? "now" : "";
    });
    run.cells.forEach((stretch) => take(board, stretch));
    showWay(board);
    showLines(board, run.lines);
    showLegend(board);
    showBeyond(board);
    showAccount(board);
    drawSoon(board);
  }
  showOutcomes(board, news.outcomes);
}

// However often news come, the map is drawn once for each picture that the screen shows, and never where nothing is new.
function drawSoon(board) {
  if (![...boards.values()].some((board) => board.changed)) requestAnimationFrame(draw);
  board.changed = true;
}

// Stays at the newest line, unless the reader has gone up from it.
function follow(board) {
  const list = board.parts.lines, bottom = list.scrollHeight - list.clientHeight;
  if (list.scrollTop < Math.min(board.top, bottom) - 4) return;
  list.scrollTop = bottom;
  board.top = list.scrollTop;
}

addEventListener("resize", () => boards.forEach(follow));

// What needs to know where things lie on the page is done here, when all news are in it: else the browser would have to
// lay out the page once more for each of them.
function draw() {
  for (const board of boards.values()) {
    if (!board.changed) continue;
    board.changed = false;
    board.map.show([...board.producers.values()]);
    follow(board);
  }
}

function state(name, said) {
  document.body.dataset.state = name;
  document.getElementById("state").textContent = said;
}

const source = new EventSource("/events");
source.addEventListener("open", () => state("live", "live"));
source.addEventListener("error", () => state("cut", "the harness does not answer; waiting for it"));
function hear(event) {
  const news = JSON.parse(event.data);
  news.boards.forEach(show);
  if (news.ended) {
    source.close();
    state("ended", "all is done; this page stays as it is");
  }
}
source.addEventListener("message", hear);
source.addEventListener("everything", (event) => {
  boards.clear();
  document.getElementById("boards").replaceChildren();
  hear(event);
});
