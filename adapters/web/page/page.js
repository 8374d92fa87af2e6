/* The chat page. One conversation at a time, followed across lost connections and reloads:
 * what is not yet accepted is kept here (the outbox), what is accepted is kept by the server.
 *
 * Nothing is ever parsed as HTML: every node is made with createElement and filled with text. */

import { $, copies, copyOf, speak } from "./nodes.js";
import { blank, render } from "./markdown.js";
import { call, reason } from "./caller.js";
import { recall, remember } from "./store.js";

const SILENCE = 45_000; // the server pings every 15 s: three missed, and the line is dead
const RENDER_EVERY = 80; // a reader sees no difference below that, a phone's battery does
const LONGEST_WAIT = 30_000;
const NO_SIGN_IN = "This server serves people who are signed in, and this page can't sign you in.";
const NEAR_END = 8; // pixels; fractions of one are lost to zoom

const scroller = $("scroller");
const log = $("log");
const field = $("text");
const act = $("act");

// ------------------------------------------------------------------ what is yet to be sent

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
    const unknown = response.status === 401 && (reason ?? NO_SIGN_IN);
    const message = unknown || (body?.error?.message ?? `The server answered with status ${response.status}.`);
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
    const response = await call(url, { ...init, signal: line.signal });
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

// ------------------------------------------------------------------ what is seen

let pinned = true; // the reader is at the end and wants to stay there
let lastTop = 0;


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

/* Nobody can write here: say so before they try. */
function shut() {
  hint(NO_SIGN_IN, true);
  for (const control of [field, ...document.querySelectorAll(".prompt")]) control.disabled = true;
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
  const response = await call(url, { method: "POST" }).catch(() => null);
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
    const response = await call(path("messages"), { signal }).catch(() => null);
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
  .then(({ name, model, demo, greeting, auth }) => {
    if (auth && !auth.includes("open") && !auth.includes("visitor")) shut();
    document.title = $("name").textContent = name ?? "Chat";
    $("model").textContent = model ?? "";
    $("model").hidden = !model || demo;
    $("demo").hidden = !demo;
    $("greeting").textContent = greeting ?? $("greeting").textContent;
  })
  .catch(() => {}); // the page works without

open();
