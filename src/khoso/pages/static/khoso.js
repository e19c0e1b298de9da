// The verify page: sends the code in the fragment to the API and fills the page's own templates with the answer.
// Nothing of the code goes anywhere else: not into the history, the title, the storage or a referrer.

const TIMEOUT_MS = 10_000;
const STALE_MS = 60_000; // a green answer is about now; seen again later it is asked again
const MAX_CODE = 2_500; // longer than any official code, so that the server still answers "too long"
const COLOURS = ["green", "amber", "red", "grey"];

const result = document.getElementById("result");
const scanning = document.getElementById("verdict") !== null;
let latest = 0;
let checkedAt = -Infinity;

async function verify() {
  const mine = ++latest;
  const code = location.hash.length > 1 ? `${location.origin}/v${location.hash}`.slice(0, MAX_CODE) : null;
  document.getElementById("lookup").hidden = code !== null;
  if (code === null) return result.replaceChildren();
  result.replaceChildren(copyOf("checking"));
  const answer = await ask(code);
  if (mine !== latest) return;
  checkedAt = performance.now();
  result.replaceChildren(answer, copyOf("again"));
  result.querySelector(".again button").addEventListener("click", verify);
  result.querySelector("h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

// The filled verdict; where there is none, the template that says why. What is not an answer is never shown as one.
async function ask(code) {
  let response;
  try {
    response = await fetch("/api/v1/verify", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ code }),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    return copyOf("no_network");
  }
  if (!response.ok) return copyOf(response.status === 429 ? "too_many_attempts" : "service_away");
  try {
    return verdict(await response.json());
  } catch {
    return copyOf("service_away");
  }
}

function verdict(view) {
  if (!COLOURS.includes(view.colour) || typeof view.title.vi !== "string") throw new TypeError("not a verdict");
  const paper = view.paper ?? { fields: [] };
  const rows = paper.fields.filter((field) => field.name !== paper.comparison?.name);
  const page = copyOf("verdict");
  const article = page.querySelector("article");
  article.dataset.colour = view.colour;
  article.dataset.outcome = view.outcome;
  article.querySelector("[data-subject]").dataset.subject = paper.subject_kind ?? "";
  fill(page, { ...view, rows });
  return page;
}

function copyOf(id) {
  return document.getElementById(id).content.cloneNode(true);
}

function fill(root, data) {
  const find = (path) => path.split(".").reduce((value, name) => value?.[name], data);
  const each = (name, act) => {
    for (const node of root.querySelectorAll(`[data-${name}]`)) act(node, find(node.dataset[name]));
  };
  each("if", (node, value) => value ?? node.remove());
  each("unless", (node, value) => (value ?? null) !== null && node.remove());
  each("text", (node, value) => (node.textContent = value));
  each("value", (node, value) => (node.value = `${value} `));
  each("instant", (node, value) => show(node, new Date(value)));
  each("end", (node, value) => show(node, new Date(Date.parse(value) - 1_000)));
  each("each", (node, items) => {
    for (const item of items ?? []) {
      const copy = node.content.cloneNode(true);
      fill(copy, item);
      node.before(copy);
    }
  });
}

const VIETNAM = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Asia/Ho_Chi_Minh",
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});

function show(node, moment) {
  const part = Object.fromEntries(VIETNAM.formatToParts(moment).map(({ type, value }) => [type, value]));
  node.textContent = `${part.hour}:${part.minute} ${part.day}/${part.month}/${part.year}`;
  node.dateTime = moment.toISOString();
}

// The choice of language, kept for the next page where the browser keeps anything.
function languages() {
  const chosen = () => document.querySelector("[name=language]:checked").value;
  const apply = () => (document.documentElement.lang = chosen());
  const kept = storage((store) => store.getItem("language"));
  if (kept === "en") document.getElementById("language-en").checked = true;
  apply();
  document.querySelector(".languages").addEventListener("change", () => {
    apply();
    storage((store) => store.setItem("language", chosen()));
  });
}

function storage(use) {
  try {
    return use(localStorage);
  } catch {
    return null; // blocked by the user: then every page begins in Vietnamese
  }
}

languages();
if (scanning) {
  addEventListener("hashchange", verify);
  document.addEventListener("visibilitychange", () => {
    const stale = performance.now() - checkedAt > STALE_MS;
    if (document.visibilityState === "visible" && stale && location.hash.length > 1) verify();
  });
  verify();
}
