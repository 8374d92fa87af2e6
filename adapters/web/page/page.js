/* The chat page. One conversation at a time, followed across lost connections and reloads:
 * what is not yet accepted is kept here (the outbox), what is accepted is kept by the server.
 *
 * Nothing is ever parsed as HTML: every node is made with createElement and filled with text. */

const SILENCE = 45_000; // the server pings every 15 s: three missed, and the line is dead
const RENDER_EVERY = 80; // a reader sees no difference below that, a phone's battery does
const LONGEST_WAIT = 30_000;
const NEAR_END = 8; // pixels; fractions of one are lost to zoom

const $ = (id) => document.getElementById(id);
const scroller = $("scroller");
const log = $("log");
const field = $("text");
const act = $("act");

// ------------------------------------------------------------------ what outlives a reload

const memory = new Map(); // stands in where storage is forbidden or full

function recall(key) {
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(`gateway.${key}`));
  } catch {
    return null;
  }
}

function remember(key, value) {
  memory.delete(key);
  try {
    localStorage.setItem(`gateway.${key}`, JSON.stringify(value));
  } catch {
    memory.set(key, value);
  }
}

/* Messages that the server has not confirmed. A list, because two tabs may share a session. */
const outbox = {
  of: (sid) => (recall("outbox") ?? []).filter((entry) => entry.sid === sid),
  add: (entry) => remember("outbox", [...(recall("outbox") ?? []), entry]),
  drop: (messageId) =>
    remember("outbox", (recall("outbox") ?? []).filter((entry) => entry.messageId !== messageId)),
};

/* crypto.randomUUID is missing on plain http, where a gateway on a local network may well be. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const digit = (mask) => (mask ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (mask / 4)))).toString(16);
  return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (mask) => digit(Number(mask)));
}

// ------------------------------------------------------------------ the line to the server

/* The server's own words for why it did not do what it was asked. */
class Refusal extends Error {
  constructor(status, message, wait) {
    super(message);
    this.status = status;
    this.wait = wait; // milliseconds that the server asked for, 0 if it did not
  }

  static async from(response) {
    const body = await response.json().catch(() => null);
    const message = body?.error?.message ?? `The server answered with status ${response.status}.`;
    const wait = Number(response.headers.get("Retry-After")) * 1000 || 0;
    return new Refusal(response.status, message, wait);
  }
}

/* The events of one response. A line that breaks or falls silent simply ends: the caller, who
 * knows whether the answer was complete, asks again. */
async function* listen(url, init, signal) {
  const line = new AbortController();
  const hangUp = () => line.abort();
  let timer = setTimeout(hangUp, SILENCE);
  signal.addEventListener("abort", hangUp);
  try {
    const response = await fetch(url, { ...init, signal: line.signal });
    if (!response.ok) throw await Refusal.from(response);
    if (response.status === 204) throw new Refusal(204, "", 0);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let event = { type: "message", id: "", data: "" };
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(hangUp, SILENCE);
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const text of lines) {
        const [, name, content] = /^([^:]*):? ?(.*?)\r?$/s.exec(text);
        if (name === "event") event.type = content;
        if (name === "id") event.id = content;
        if (name === "data") event.data += content;
        if (name || content || text.startsWith(":")) continue;
        if (event.data) yield { ...event, data: JSON.parse(event.data) };
        event = { type: "message", id: "", data: "" };
      }
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", hangUp);
    hangUp();
  }
}

let wake = () => {}; // ends the pause that is running, if one is

/* Wait 1-2-4-…30 s, half of it by chance so that a restarted server is not met by everybody at
 * once; less when the browser comes back online or somebody presses Stop. */
function pause(failures, atLeast, signal) {
  const longest = Math.min(1000 * 2 ** (failures - 1), LONGEST_WAIT);
  const wait = Math.max(atLeast, longest * (0.5 + Math.random() / 2));
  return new Promise((resolve) => {
    const tidy = new AbortController();
    wake = () => {
      tidy.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(wake, wait);
    addEventListener("online", wake, { signal: tidy.signal });
    signal.addEventListener("abort", wake, { signal: tidy.signal });
  });
}

// ------------------------------------------------------------------ Markdown: spans

const LINK = /!?\[([^[\]]{1,500})\]\((https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)(?:\s+"[^"\n]*")?\)/iy;
const HALF_LINK = /!?\[([^[\]]{0,500})(?:\](?:\([^)]{0,2000})?)?$/y;
const BARE_URL = /https?:\/\/[^\s<>"`*|]+/iy;
const ESCAPED = /\\([\\`*_~#|+\-.!<>{}])/y;
const DEEPEST = 8;
const WORD = /[\p{L}\p{N}_]/u;

const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};

const match = (pattern, text, at) => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const runAt = (text, at) => {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
};

/* Append `text` to `parent`, its markers turned into elements. `open` says that more text is to
 * come at its end, so a marker without its partner is taken to be half typed, not to be text.
 * `inside` holds the markers around it: a link holds no link, and depth has its limit. */
function inline(parent, text, open, inside = "") {
  const dead = new Set(); // markers that have no partner further on: looked for only once
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const [length, node] = span(text, at, open, inside, dead);
    if (node instanceof Node) {
      parent.append(plain, node);
      plain = "";
    } else plain += node ?? text.slice(at, at + length);
    at += length;
  }
  parent.append(plain);
  return parent;
}

function span(text, at, open, inside, dead) {
  const char = text[at];
  if (char === "\\") {
    const escaped = match(ESCAPED, text, at);
    if (escaped) return [2, escaped[1]];
  } else if (char === "`") return code(text, at, open, dead);
  else if ("*_~".includes(char)) return emphasis(text, at, open, inside, dead);
  else if ("[!hH".includes(char) && !inside.includes("[")) return link(text, at, open) ?? [1];
  return [1];
}

function codeEnd(text, at, dead) {
  const run = runAt(text, at);
  if (dead.has("`" + run)) return -1;
  for (let end = text.indexOf("`", at + run); end >= 0; end = text.indexOf("`", end + runAt(text, end)))
    if (runAt(text, end) === run) return end;
  dead.add("`" + run);
  return -1;
}

function code(text, at, open, dead) {
  const run = runAt(text, at);
  const end = codeEnd(text, at, dead);
  if (end < 0 && !open) return [run];
  const inside = end < 0 ? text.slice(at + run).replace(/`+$/, "") : text.slice(at + run, end);
  const padded = /^ .*[^ ].* $/s.test(inside) ? inside.slice(1, -1) : inside;
  const length = end < 0 ? text.length - at : end + run - at;
  return [length, inside ? make("code", padded) : ""];
}

function emphasis(text, at, open, inside, dead) {
  const char = text[at];
  const run = runAt(text, at);
  const before = text[at - 1] ?? " ";
  const after = text[at + run];
  if (run > 3 || inside.length > DEEPEST || (char === "~" && run !== 2)) return [run];
  if (after === undefined) return open ? [run, ""] : [run];
  if (/\s/.test(after) || (char !== "*" && WORD.test(before))) return [run];
  for (let size = run; size > 0; size -= 1) {
    const end = emphasisEnd(text, at + size, char, size, dead);
    if (end > 0) return [end + size - at, emphasised(char, size, text.slice(at + size, end), false, inside)];
  }
  if (!open || inside.includes(char) || (run === 1 && WORD.test(before))) return [run];
  return [text.length - at, emphasised(char, run, text.slice(at + run), true, inside)];
}

function emphasisEnd(text, from, char, size, dead) {
  if (dead.has(char + size)) return -1;
  for (let at = from; at < text.length; ) {
    if (text[at] === "\\") at += 2;
    else if (text[at] === "`") {
      const end = codeEnd(text, at, dead);
      at = (end < 0 ? at : end) + runAt(text, at);
    } else if (text[at] === char) {
      const run = runAt(text, at);
      const closes = at > from && !/\s/.test(text[at - 1]) && (char === "*" || !WORD.test(text[at + run] ?? " "));
      if (closes && (run === size || run === 3)) return at + run - size;
      at += run;
    } else at += 1;
  }
  dead.add(char + size);
  return -1;
}

function emphasised(char, size, text, open, inside) {
  const tag = char === "~" ? "del" : size === 1 ? "em" : "strong";
  const element = inline(make(tag), text, open, inside + char);
  return size === 3 ? make("em", element) : element;
}

function link(text, at, open) {
  const named = match(LINK, text, at);
  if (named) return [named[0].length, anchor(named[2], named[1]) ?? named[0]];
  const half = open && match(HALF_LINK, text, at);
  if (half) return [half[0].length, inline(make("span"), half[1], true, "[")];
  const bare = !WORD.test(text[at - 1] ?? " ") && match(BARE_URL, text, at);
  if (!bare) return null;
  let url = bare[0].replace(/[.,;:!?'\]_~]+$/, "");
  while (url.endsWith(")") && !url.includes("(")) url = url.replace(/[).,;:!?'\]]+$/, "");
  return [url.length, anchor(url, "") ?? url];
}

/* An image becomes a link too: fetching it would tell its server what is being talked about. */
function anchor(url, name) {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return null;
  const element = name ? inline(make("a"), name, false, "[") : make("a", url);
  element.href = url;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow ugc";
  return element;
}

// ------------------------------------------------------------------ Markdown: blocks

const FENCE = /^([ \t]*)(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(?:(\s+)(.*))?$/;
const STARTS_LIST = /^ {0,3}(?:[-*+]|1[.)])\s+\S/; // "1984. A good year" goes on with its paragraph
const DASHES = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const HALF_MARKER = /^\s*(?:[-*+>#|`~_]+|\d{1,9}[.)])\s*$/;

const blank = (line) => !line?.trim();
const depth = (line) => /^\s*/.exec(line)[0].replaceAll("\t", "    ").length;
const isTable = (lines, at) =>
  lines[at].includes("|") && (lines[at + 1] ?? "").includes("|") && DASHES.test(lines[at + 1]);
const interrupts = (lines, at) =>
  [FENCE, HEADING, RULE, QUOTE, STARTS_LIST].some((pattern) => pattern.test(lines[at])) || isTable(lines, at);

function dedent(line, columns) {
  let at = 0;
  for (let left = columns; left > 0 && /\s/.test(line[at] ?? "."); at += 1) left -= line[at] === "\t" ? 4 : 1;
  return line.slice(at);
}

/* Cut lines into blocks. Each knows its source, so that a block whose source has not changed
 * need not be drawn again, and `draw()`, which makes its element. */
function blocks(lines, open, level = 0) {
  const found = [];
  const kinds = level < DEEPEST ? KINDS : [nothing, paragraph];
  for (let at = 0; at < lines.length; ) {
    const block = kinds.reduce((taken, kind) => taken ?? kind(lines, at), null);
    const last = lines.length - block.end < (lines[block.end] === "" ? 2 : 1);
    if (block.draw)
      found.push({
        source: `${open && last} ${lines.slice(at, block.end).join("\n")}`,
        text: block.text,
        open: open && last,
        draw: () => block.draw(open && last, level + 1),
      });
    at = block.end;
  }
  return found;
}

const KINDS = [nothing, fence, heading, quote, list, table, paragraph]; // the last fits always

function nothing(lines, at) {
  return blank(lines[at]) ? { end: at + 1 } : null;
}

function fence(lines, at) {
  const [, indent, marks, info] = FENCE.exec(lines[at]) ?? [];
  if (!marks) return null;
  const closing = (line) => line.trim().length >= marks.length && line.trim() === marks[0].repeat(line.trim().length);
  const inside = [];
  let end = at + 1;
  while (end < lines.length && !closing(lines[end])) {
    inside.push(dedent(lines[end], depth(indent)));
    end += 1;
  }
  const draw = () => {
    const figure = copyOf("code");
    figure.querySelector(".language").textContent = info.trim();
    const content = figure.querySelector("code");
    content.textContent = inside.join("\n");
    copies(figure.querySelector(".copy"), () => content.textContent);
    return figure;
  };
  return { end: Math.min(end + 1, lines.length), draw };
}

function heading(lines, at) {
  if (RULE.test(lines[at])) return { end: at + 1, draw: () => make("hr") };
  const [, marks, title] = HEADING.exec(lines[at]) ?? [];
  if (!marks) return null;
  const level = Math.min(marks.length + 2, 6); // h1 is the page's, h2 names who speaks
  return { end: at + 1, draw: (open) => inline(make(`h${level}`), title, open) };
}

function quote(lines, at) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  if (end === at) return null;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  const draw = (open, level) => make("blockquote", ...blocks(inside, open, level).map(({ draw }) => draw()));
  return { end, draw };
}

function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = first[2].length > 1;
  const base = depth(lines[at]);
  const isSibling = (line) => {
    const item = !RULE.test(line) && ITEM.exec(line);
    return item && depth(line) < base + 2 && item[2].length > 1 === ordered && item;
  };
  const belongs = (line) => isSibling(line) || depth(line) >= base + 2;
  const items = [];
  let width = 0;
  let end = at;
  while (end < lines.length) {
    const line = lines[end];
    const item = isSibling(line);
    if (blank(line)) {
      let next = end;
      while (next < lines.length && blank(lines[next])) next += 1;
      if (next === lines.length || !belongs(lines[next])) break;
      items.at(-1).push("");
    } else if (item) {
      width = depth(line) + item[2].length + Math.min((item[3] ?? " ").length, 4);
      items.push([item[4] ?? ""]);
    } else if (belongs(line)) items.at(-1).push(dedent(line, width));
    else if (blank(lines[end - 1]) || interrupts(lines, end) || ITEM.test(line)) break;
    else items.at(-1).push(line);
    end += 1;
  }
  const draw = (open, level) => {
    const element = make(ordered ? "ol" : "ul");
    if (ordered) element.start = Number.parseInt(first[2], 10);
    items.forEach((item, index) => element.append(listItem(item, open && index === items.length - 1, level)));
    return element;
  };
  return { end, draw };
}

function listItem(lines, open, level) {
  const element = make("li");
  blocks(lines, open, level).forEach((block, index) => {
    if (index === 0 && block.text) inline(element, block.text, block.open);
    else element.append(block.draw());
  });
  return element;
}

function table(lines, at) {
  if (!isTable(lines, at)) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const cells = (line) => line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/);
  const row = (tag) => (line) => make("tr", ...cells(line).map((cell) => inline(make(tag), cell.trim(), false)));
  const draw = () => {
    const body = make("tbody", ...lines.slice(at + 2, end).map(row("td")));
    const element = make("div", make("table", make("thead", row("th")(lines[at])), body));
    element.className = "table";
    element.tabIndex = 0; // a wide table scrolls, by keyboard too
    return element;
  };
  return { end, draw };
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !blank(lines[end]) && !interrupts(lines, end)) end += 1;
  const text = lines.slice(at, end).join("\n"); // CSS keeps the line breaks
  return { end, text, draw: (open) => inline(make("p"), text, open) };
}

/* Show `text` in `container`, touching only the blocks that are not there yet as they are. */
function render(container, text, open) {
  const lines = text.split("\n");
  if (open && HALF_MARKER.test(lines.at(-1))) lines.pop();
  const wanted = blocks(lines, open);
  wanted.forEach((block, index) => {
    const shown = container.children[index];
    if (shown?.source === block.source) return;
    const element = block.draw();
    element.source = block.source;
    if (shown) shown.replaceWith(element);
    else container.append(element);
  });
  while (container.children.length > wanted.length) container.lastElementChild.remove();
  container.querySelector(".caret")?.classList.remove("caret");
  if (open) lastLine(container)?.classList.add("caret");
}

/* The innermost block at the end: that is where the caret goes. */
function lastLine(container) {
  const inner = container.lastElementChild;
  if (!inner?.matches("p, ul, ol, li, blockquote, figure, pre, h3, h4, h5, h6")) return null;
  return inner.matches("p, pre, h3, h4, h5, h6") ? inner : lastLine(inner) ?? inner;
}

// ------------------------------------------------------------------ what is seen

let pinned = true; // the reader is at the end and wants to stay there
let lastTop = 0;

const copyOf = (template) => $(template).content.firstElementChild.cloneNode(true);

/* A reader who moved up is left alone until they are back at the end. */
scroller.addEventListener("scroll", () => {
  const atEnd = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop < NEAR_END;
  pinned = atEnd || (pinned && scroller.scrollTop >= lastTop);
  lastTop = scroller.scrollTop;
  $("jump").hidden = pinned;
});

function keepUp() {
  if (pinned) scroller.scrollTop = scroller.scrollHeight;
  $("jump").hidden = pinned;
}

function toEnd() {
  pinned = true;
  keepUp();
}

/* Told to everybody, or only to those who do not see the page. */
function hint(text, wrong = false) {
  $("hint").textContent = text;
  $("hint").hidden = !text;
  $("hint").classList.toggle("wrong", wrong);
  keepUp();
}

const speak = (text) => ($("spoken").textContent = text);

function copies(button, text) {
  button.hidden = !navigator.clipboard; // missing on plain http
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    speak("Copied");
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 2000);
  });
}

function showQuestion(text) {
  const element = copyOf("question");
  element.querySelector(".bubble").textContent = text;
  log.append(element);
  return element;
}

/* An answer on the page: it is written again and again, then closed. */
class Answer {
  constructor() {
    this.text = "";
    this.timer = 0;
    this.every = RENDER_EVERY;
    this.element = copyOf("answer");
    this.words = this.element.querySelector(".words");
    copies(this.element.querySelector(".copy"), () => this.text);
    log.append(this.element);
  }

  write(text) {
    this.text = text;
    this.timer ||= setTimeout(() => this.draw(true), this.every);
  }

  draw(open) {
    clearTimeout(this.timer);
    this.timer = 0;
    const began = performance.now();
    render(this.words, this.text, open);
    this.every = Math.max(RENDER_EVERY, 10 * (performance.now() - began)); // a tenth of the time at most
    keepUp();
  }

  /* `note` says why the answer is not whole; `retry` asks the same again. */
  close(text, { note = "", wrong = false, retry = null } = {}) {
    this.text = text;
    this.draw(false);
    this.element.classList.remove("open");
    this.element.classList.toggle("wrong", wrong);
    const line = this.element.querySelector(".note");
    line.textContent = note;
    line.hidden = !note;
    const button = this.element.querySelector(".retry");
    button.hidden = !retry;
    button.addEventListener("click", () => retry());
    if (!text) this.element.querySelector(".copy").hidden = true;
    keepUp();
  }
}

// ------------------------------------------------------------------ the conversation

const STOPPED = "Stopped.";

let sid = null;
let life = new AbortController(); // of all that is under way for what the page shows
let loading = true; // nothing is sent before it is known what was
let current = null; // the exchange that is being answered
let known = new Set(); // runs that are on the page

const path = (rest) => `/api/v1/sessions/${encodeURIComponent(sid)}/${rest}`;

/* A question and its answer. `messageId` is set until the server has taken the question. */
const exchange = (text, question, ids) => ({
  ...{ text, question, answer: new Answer(), messageId: null, runId: null, ...ids },
  ...{ lastId: "", resumed: "", stopping: false, over: false },
});

function refreshControls() {
  log.setAttribute("aria-busy", String(Boolean(current)));
  act.classList.toggle("stops", Boolean(current));
  act.setAttribute("aria-label", current ? "Stop" : "Send message");
  act.disabled = current ? current.stopping : loading || blank(field.value);
  $("fresh").disabled = !log.childElementCount;
  $("empty").hidden = Boolean(log.childElementCount);
}

function send(text) {
  log.querySelectorAll(".retry").forEach((button) => (button.hidden = true));
  sid ??= uuid();
  remember("session", sid);
  const entry = { sid, messageId: uuid(), text };
  outbox.add(entry);
  hint("");
  return deliver(entry, life.signal);
}

function deliver({ messageId, text }, signal) {
  const asked = exchange(text, showQuestion(text), { messageId });
  asked.question.classList.add("pending");
  toEnd();
  return follow(asked, signal);
}

/* Stay with an exchange until it is over, through as many connections as that takes. */
async function follow(asked, signal) {
  current = asked;
  refreshControls();
  speak("The assistant is typing");
  for (let failures = 0; !signal.aborted && !asked.over; ) {
    let wait = 0;
    try {
      for await (const event of connect(asked, signal)) {
        if (failures) hint("");
        failures = 0;
        take(asked, event);
        if (asked.over || signal.aborted) break;
      }
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const passing = refusal.status >= 500 || (refusal.status === 429 && !asked.messageId);
      if (!passing) return refused(asked, refusal, signal);
      wait = refusal.wait;
    }
    if (signal.aborted || asked.over) break;
    if (asked.stopping && asked.messageId) return takeBack(asked, "Your message was not sent.");
    failures += 1;
    hint(asked.messageId ? "Reconnecting… Your message is kept until it can be sent." : "Reconnecting…");
    await pause(failures, wait, signal);
  }
}

/* Asking once more would change nothing. */
async function refused(asked, { status, message }, signal) {
  if (asked.messageId) return takeBack(asked, message);
  if (status !== 204 && status !== 404) return end(asked, asked.answer.text, { note: message, wrong: true });
  await pause(1, 0, signal); // the server knows of no such run: show what it has, but not in a tight circle
  if (!signal.aborted) open();
}

function connect(asked, signal) {
  const { messageId, text } = asked;
  if (messageId) {
    const headers = { "Content-Type": "application/json" };
    return listen(path("messages"), { method: "POST", headers, body: JSON.stringify({ messageId, text }) }, signal);
  }
  if (asked.stopping) cancel(asked);
  asked.resumed = asked.lastId;
  return listen(path("events"), { headers: asked.lastId ? { "Last-Event-ID": asked.lastId } : {} }, signal);
}

const ordinal = (id) => id.split(".").map(Number);

/* Whether an event was taken on an earlier connection: a server may say it again. */
function isOld(id, resumed) {
  const [, attempt, seq] = ordinal(id);
  const [, lastAttempt, lastSeq] = ordinal(resumed);
  return attempt < lastAttempt || (attempt === lastAttempt && seq <= lastSeq);
}

function take(asked, { type, id, data }) {
  const { answer, lastId } = asked;
  if (id && lastId && id.split(".")[0] !== lastId.split(".")[0]) return void open(); // another tab's run
  if (type === "delta" && asked.resumed && isOld(id, asked.resumed)) return;
  asked.lastId = id || lastId;
  if (type === "run.started") accepted(asked, data);
  if (type === "delta") answer.write(answer.text + data.text);
  if (type === "snapshot") answer.write(data.text);
  if (type === "run.completed") end(asked, data.message?.text ?? answer.text);
  if (type === "run.cancelled") end(asked, data.message?.text ?? "", { note: STOPPED });
  const retry = data.retryable === false ? null : again(asked);
  if (type === "run.failed") end(asked, answer.text, { note: data.message, wrong: true, retry });
}

function accepted(asked, { runId, messageId }) {
  outbox.drop(messageId);
  if (asked.messageId) {
    outbox.drop(asked.messageId);
    asked.messageId = null;
    if (known.has(runId)) return void open(); // it had been taken before: the history shows it already
  }
  asked.question?.classList.remove("pending");
  asked.runId = runId;
  known.add(runId);
  if (asked.stopping) cancel(asked);
}

function end(asked, text, more = {}) {
  asked.over = true;
  current = null;
  hint("");
  asked.answer.close(text, more);
  speak(`${asked.answer.words.textContent} ${more.note ?? ""}`);
  refreshControls();
}

/* The server did not take the message: give it back to its author. */
function takeBack(asked, reason) {
  outbox.drop(asked.messageId);
  asked.over = true;
  current = null;
  asked.question.remove();
  asked.answer.element.remove();
  compose(field.value ? `${asked.text}\n\n${field.value}` : asked.text);
  hint(reason, true);
}

function again(asked) {
  if (!asked.text) return null;
  return () => {
    asked.question.remove();
    asked.answer.element.remove();
    send(asked.text);
    field.focus();
  };
}

async function cancel(asked) {
  const url = `/api/v1/runs/${encodeURIComponent(asked.runId)}/cancel`;
  const response = await fetch(url, { method: "POST" }).catch(() => null);
  if (response?.ok || asked.over) return;
  asked.stopping = false; // it may be asked for again
  refreshControls();
}

function stop() {
  current.stopping = true;
  refreshControls();
  if (current.runId) cancel(current);
  else wake();
}

// ------------------------------------------------------------------ opening a conversation

/* Show what the server has, go on with what is running there, then send what was not sent. */
async function open() {
  life.abort();
  life = new AbortController();
  const { signal } = life;
  current = null;
  loading = true;
  sid = recall("session");
  const history = await load(signal);
  if (!history) return;
  loading = false;
  known = new Set(history.messages.map((message) => message.runId));
  log.replaceChildren();
  const last = drawHistory(history);
  toEnd();
  refreshControls();
  if (history.running) {
    await follow(exchange(last?.text, last?.question, { runId: history.running }), signal);
    if (signal.aborted) return;
    // A message that waited is answered now: its run began when the other ended.
    if (history.messages.some(({ status }) => status === "waiting")) return open();
  }
  for (const entry of outbox.of(sid)) {
    if (signal.aborted) return;
    await deliver(entry, signal);
  }
}

/* The history, or null when it is no longer asked for. */
async function load(signal) {
  const nothing = { messages: [], running: null };
  if (!sid) return nothing;
  for (let failures = 1; !signal.aborted; failures += 1) {
    const response = await fetch(path("messages"), { signal }).catch(() => null);
    const history = response?.ok && (await response.json().catch(() => null));
    if (history) {
      hint("");
      return history;
    }
    if (response?.status === 404) return nothing;
    if (response && !response.ok && response.status < 500) {
      hint((await Refusal.from(response)).message, true);
      return nothing;
    }
    hint("Reconnecting…");
    await pause(failures, 0, signal);
  }
  return null;
}

/* Draw all messages; returns the last question, if it is still without an answer. */
function drawHistory({ messages, running }) {
  const shown = messages.filter((message) => message.role === "user" || message.runId !== running);
  let last = null;
  shown.forEach((message, index) => {
    const next = shown[index + 1];
    if (message.role === "user") {
      // A question that failed and was sent again is one question to its author.
      if (next?.role === "user" && next.text === message.text) return;
      last = { text: message.text, question: showQuestion(message.text), status: message.status };
      return;
    }
    const failed = message.status === "failed";
    const asked = { ...last, answer: new Answer() };
    const retry = failed && !next ? again(asked) : null;
    asked.answer.close(message.text, { note: message.status === "cancelled" ? STOPPED : "", wrong: failed, retry });
    last = null;
  });
  if (!last || running || outbox.of(sid).some((entry) => entry.text === last.text)) return last;
  const asked = { ...last, answer: new Answer() };
  const note = last.status === "cancelled" ? STOPPED : "This message was not answered.";
  asked.answer.close("", { note, retry: again(asked) });
  return null;
}

// ------------------------------------------------------------------ hands

function compose(text) {
  field.value = text;
  fit();
  field.focus();
}

function fit() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  refreshControls();
  keepUp();
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (current) return stop();
  const text = field.value.trim();
  if (!text || loading) return;
  compose("");
  send(text);
});

field.addEventListener("input", () => {
  if (!current) hint("");
  fit();
});

field.addEventListener("keydown", (event) => {
  // Enter also ends the composition of a Chinese or Japanese word; Safari tells it by 229 only.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (current) speak("An answer is being written. Stop it to send.");
  else $("composer").requestSubmit();
});

$("jump").addEventListener("click", () => {
  toEnd();
  field.focus();
});

$("fresh").addEventListener("click", () => {
  if (current?.runId) cancel(current); // nobody could read it any more
  for (const entry of outbox.of(sid)) outbox.drop(entry.messageId);
  remember("session", null);
  hint("");
  open();
  field.focus();
});

for (const prompt of document.querySelectorAll(".prompt"))
  prompt.addEventListener("click", () => {
    send(prompt.textContent.trim());
    field.focus();
  });

addEventListener("pagehide", () => life.abort());
addEventListener("pageshow", (event) => (event.persisted ? open() : fit())); // a reload brings the draft back
addEventListener("resize", fit);

fetch("/api/v1/config")
  .then((response) => response.json())
  .then(({ name, model, demo, greeting }) => {
    document.title = $("name").textContent = name ?? "Chat";
    $("model").textContent = model ?? "";
    $("model").hidden = !model || demo;
    $("demo").hidden = !demo;
    $("greeting").textContent = greeting ?? $("greeting").textContent;
  })
  .catch(() => {}); // the page works without

open();
