/**
 * A program for comparing with another verifier. In: one question a line, the name of a golden vector and, if another
 * code is to be judged by what that vector knows, the code. Out: the view of each verdict, one a line.
 *
 *     echo '{"vector": "good-paper"}' | node build/test/judge.js
 */

import { createInterface } from "node:readline";
import { present } from "../src/index.js";
import { judge, type Knowledge, readKnowledge, readVector, type Vector } from "./golden.js";

interface Question {
  readonly vector: string;
  readonly code?: string;
}

interface Read {
  readonly vector: Vector;
  readonly known: Knowledge;
}

const read = new Map<string, Read>();

async function readOnce(name: string): Promise<Read> {
  const found = read.get(name) ?? (await readAnew(readVector(name)));
  read.set(name, found);
  return found;
}

const readAnew = async (vector: Vector): Promise<Read> => ({ vector, known: await readKnowledge(vector) });

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
  const question: Question = JSON.parse(line);
  const { vector, known } = await readOnce(question.vector);
  const verdict = await judge({ ...vector, code: question.code ?? vector.code }, known);
  process.stdout.write(`${JSON.stringify(present(verdict, known, vector.now), plain)}\n`);
}
