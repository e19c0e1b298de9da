/** Puts together what is shown: a verdict, who gave it, and what is to be noted of that. */

import type { VerdictView } from "@khoso/verifier";
import { decide } from "./agreeing.js";
import { copyOf, drawn, fill, found } from "./screen.js";
import type { Silence } from "./server.js";

/** The answer of both, or of the one that has one. */
export function together(own: VerdictView | null, server: VerdictView | Silence): DocumentFragment {
  try {
    return typeof server === "string" ? alone(own, server) : both(own, server);
  } catch {
    return alone(own, "service_away"); // what is not an answer is never shown as one
  }
}

function alone(own: VerdictView | null, silence: Silence): DocumentFragment {
  return own === null ? copyOf(silence) : annotated(own, "by-browser", copyOf("unasked"));
}

function both(own: VerdictView | null, server: VerdictView): DocumentFragment {
  if (own === null || own.colour === "grey") return annotated(server, "by-server");
  const { view, other } = decide(own, server);
  if (other === null) return annotated(view, "by-both");
  const note = copyOf("differs");
  fill(note, other);
  return annotated(view, "by-both", note);
}

/** The verdict, with the template that says who gave it. */
export function annotated(view: VerdictView, source: string, note?: DocumentFragment): DocumentFragment {
  const page = drawn(view);
  found(page, "article").dataset["source"] = source;
  if (note !== undefined) found(page, ".guidance").after(note);
  found(page, ".ages").prepend(copyOf(source));
  return page;
}
