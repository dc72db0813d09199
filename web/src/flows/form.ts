// The values of a form as the pages hold them, and as the service takes them. Pure.
import type { Schemas } from "@/api/client";

export type Field = Schemas["Field"];
export type Row = Record<string, unknown>;
export type Values = Record<string, unknown>;
/** What a row of a detail table asks of its table. */
export interface RowActs {
  set(index: number, key: string, value: unknown): void;
  remove(index: number): void;
  errorOf(sent: number, key: string): string | undefined;
}

export const isMany = (field: Field) =>
  field.type === "users" || field.type === "seals" || field.type === "user" || field.type === "seal";

export function emptyRow(columns: Field[]): Row {
  return Object.fromEntries(columns.map((column) => [column.key, emptyValue(column)]));
}

function emptyValue(field: Field): unknown {
  if (field.type === "table") return [];
  return isMany(field) ? [] : "";
}

/** The form that a person fills: every field has a value; pickers hold lists. */
export function valuesOf(fields: Field[], given: Values = {}): Values {
  return Object.fromEntries(
    fields
      .filter((field) => field.type !== "files")
      .map((field) => {
        const value = given[field.key];
        if (field.type === "table") {
          const rows = Array.isArray(value) ? (value as Row[]).map((row) => valuesOf(field.columns ?? [], row)) : [];
          return [field.key, rows.length > 0 ? rows : [emptyRow(field.columns ?? [])]];
        }
        if (value === undefined || value === null) return [field.key, emptyValue(field)];
        if (isMany(field)) return [field.key, Array.isArray(value) ? value : [value]];
        return [field.key, value];
      }),
  );
}

export function isEmptyValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || String(value).trim() === "";
}

export function isEmptyRow(row: Row): boolean {
  return Object.values(row).every(isEmptyValue);
}

/** Digits of full width, which a Chinese keyboard types, are digits. */
function numberOf(value: unknown): number {
  return Number(String(value).normalize("NFKC"));
}

function sent(field: Field, value: unknown): unknown {
  if (field.type === "table") {
    return (value as Row[]).filter((row) => !isEmptyRow(row)).map((row) => formOf(field.columns ?? [], row));
  }
  if (isMany(field)) {
    const list = value as string[];
    return field.type === "user" || field.type === "seal" ? list[0] : list;
  }
  if (field.type === "number") return numberOf(value);
  return typeof value === "string" ? value.trim() : value;
}

/** The form as the service takes it. What is empty is left out. */
export function formOf(fields: Field[], values: Values): Values {
  const form: Values = {};
  for (const field of fields) {
    const value = values[field.key];
    if (field.type === "files" || isEmptyValue(value)) continue;
    const out = sent(field, value);
    if (Array.isArray(out) && out.length === 0) continue;
    form[field.key] = out;
  }
  return form;
}

/** The changes to send: an emptied field is null. */
export function changesOf(fields: Field[], values: Values, before: Values): Values {
  const form = formOf(fields, values);
  const cleared = fields.filter(
    (field) => field.type !== "files" && !(field.key in form) && !isEmptyValue(before[field.key]),
  );
  return { ...form, ...Object.fromEntries(cleared.map((field) => [field.key, null])) };
}

export interface CheckWords {
  need(label: string): string;
  whole: string;
  number: string;
  needRow: string;
}

/** The errors that a person can mend before anything is sent, by the path that the service uses. */
export function check(
  fields: Field[],
  values: Values,
  counts: Set<string>,
  words: CheckWords,
  prefix = "form",
): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const field of fields) {
    if (field.type === "files") continue;
    const path = `${prefix}.${field.key}`;
    const value = values[field.key];
    if (field.type === "table") {
      const rows = value as Row[];
      const full = rows.map((row, index) => ({ row, index })).filter(({ row }) => !isEmptyRow(row));
      if (field.required && full.length === 0) errors[path] = words.needRow;
      // The service counts the rows that are sent, so an empty row before them does not count.
      full.forEach(({ row }, at) =>
        Object.assign(errors, check(field.columns ?? [], row, counts, words, `${path}.${at}`)),
      );
    } else if (field.required && isEmptyValue(value)) errors[path] = words.need(field.label);
    else if (field.type === "number" && !isEmptyValue(value)) {
      const n = numberOf(value);
      const isCount = counts.has(path.replace(/\.\d+\./, ".").replace(/^form\./, ""));
      if (isCount && !(Number.isInteger(n) && n >= 1)) errors[path] = words.whole;
      else if (!Number.isFinite(n)) errors[path] = words.number;
    }
  }
  return errors;
}

/** The rows of cells copied from a spreadsheet: tabs between cells, a cell with breaks in quotes. */
export function pasted(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = "";
  let quoted = false;
  const end = () => {
    rows.at(-1)!.push(cell.trim());
    cell = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at]!;
    if (quoted) {
      if (c === '"' && text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === "\t") end();
    else if (c === "\n") {
      end();
      rows.push([]);
    } else if (c !== "\r") cell += c;
  }
  end();
  return rows.filter((row) => row.some((one) => one !== ""));
}

const isPeople = (column: Field) => column.type === "user" || column.type === "users";
/** Several people or seals in one cell: by comma, 、 or ；. */
const partsOf = (text: string) =>
  text
    .split(/[,，、;；]/)
    .map((part) => part.trim())
    .filter(Boolean);

/** The names of people in pasted cells, each once. */
export function namesIn(cells: string[][], columns: Field[]): string[] {
  const names = cells.flatMap((row) =>
    columns.flatMap((column, at) => (isPeople(column) ? partsOf(row[at] ?? "") : [])),
  );
  return [...new Set(names)];
}

/** Rows from pasted cells: columns in order. */
export function rowsOf(cells: string[][], columns: Field[], usernames: Record<string, string>): Row[] {
  return cells.map((row) =>
    Object.fromEntries(
      columns.map((column, at) => {
        const text = row[at] ?? "";
        if (!isMany(column)) {
          // What is no number stays as it was pasted, for the person to see.
          const n = column.type === "number" && text !== "" ? numberOf(text) : NaN;
          return [column.key, Number.isNaN(n) ? text : n];
        }
        const parts = partsOf(text);
        return [column.key, isPeople(column) ? parts.map((name) => usernames[name] ?? name) : parts];
      }),
    ),
  );
}
