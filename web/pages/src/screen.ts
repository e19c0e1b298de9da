/** Fills the page's own templates with a verdict. Everything is put in as text: nothing of a code becomes markup. */

import { madeVisible, type VerdictView } from "@khoso/verifier";

const VIETNAM = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Asia/Ho_Chi_Minh",
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});

/** A copy of a template's content. */
export function copyOf(id: string): DocumentFragment {
  const template = document.getElementById(id) as HTMLTemplateElement;
  return template.content.cloneNode(true) as DocumentFragment;
}

/** The template of a verdict, filled. */
export function drawn(view: VerdictView): DocumentFragment {
  const page = copyOf("verdict");
  const article = found(page, "article");
  article.dataset["colour"] = view.colour;
  article.dataset["outcome"] = view.outcome;
  found(article, "[data-subject]").dataset["subject"] = view.paper?.subject_kind ?? "";
  const rows = view.paper?.fields.filter((field) => field.name !== view.paper?.comparison?.name);
  fill(page, { ...view, rows });
  return page;
}

/** Put values where `root` asks for them by its data attributes. */
export function fill(root: ParentNode, data: unknown): void {
  const each = (name: string, act: (node: HTMLElement, value: unknown) => void): void => {
    for (const node of root.querySelectorAll<HTMLElement>(`[data-${name}]`)) {
      act(node, valueAt(data, node.dataset[name] ?? ""));
    }
  };
  each("if", (node, value) => value ?? node.remove());
  each("unless", (node, value) => (value ?? null) !== null && node.remove());
  each("text", (node, value) => node.replaceChildren(madeVisible(String(value ?? ""))));
  each("value", (node, value) => node.setAttribute("value", `${value} `));
  each("instant", (node, value) => show(node, Date.parse(String(value))));
  each("end", (node, value) => show(node, Date.parse(String(value)) - 1_000));
  each("each", (node, items) => repeat(node, Array.isArray(items) ? items : []));
}

function repeat(template: HTMLElement, items: readonly unknown[]): void {
  for (const item of items) {
    const copy = (template as HTMLTemplateElement).content.cloneNode(true) as DocumentFragment;
    fill(copy, item);
    template.before(copy);
  }
}

const valueAt = (data: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>> | null)?.[name], data);

function show(node: HTMLElement, moment: number): void {
  const part = Object.fromEntries(VIETNAM.formatToParts(moment).map(({ type, value }) => [type, value]));
  node.replaceChildren(`${part["hour"]}:${part["minute"]} ${part["day"]}/${part["month"]}/${part["year"]}`);
  node.setAttribute("datetime", new Date(moment).toISOString());
}

export function found(root: ParentNode, selector: string): HTMLElement {
  const node = root.querySelector<HTMLElement>(selector);
  if (node === null) throw new Error(`the page has no ${selector}`);
  return node;
}
