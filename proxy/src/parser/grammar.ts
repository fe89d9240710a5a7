import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export type Major = 15 | 16 | 17 | 18;

/** A compiled module of WebAssembly. */
export type CompiledGrammar = object;

/** The part of the standard's API that is used; TypeScript knows it only among the browser's types. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<CompiledGrammar>;
  readonly Instance: new (module: CompiledGrammar, imports: object) => { readonly exports: object };
}
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };

/** What the parser said; `T` is what was made of the tree. */
export type Parsed<T> =
  { readonly kind: 'tree'; readonly tree: T } | { readonly kind: 'error'; readonly error: GrammarError };

/** The error that PostgreSQL's own lexer or grammar raised. */
export interface GrammarError {
  readonly message: string;
  /** In PostgreSQL's source. */
  readonly file: string;
  readonly function: string;
  /** 1-based, in characters; 0: none. */
  readonly position: number;
}

/** The part of emscripten's module that libpg-query exports. */
interface Wasm {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
  getValue(pointer: number, type: 'i32'): number;
  UTF8ToString(pointer: number): string;
}

type Factory = (options: object) => Promise<Wasm>;

/** Written out, so that a bundler finds them. */
const FACTORIES: Readonly<Record<Major, () => Promise<unknown>>> = {
  15: () => import('pg-query-15/wasm/libpg-query.js'),
  16: () => import('pg-query-16/wasm/libpg-query.js'),
  17: () => import('pg-query-17/wasm/libpg-query.js'),
  18: () => import('pg-query-18/wasm/libpg-query.js'),
};

/** A bundle has the grammars beside it, as pg-query-15.wasm and so on. */
function wasmPath(major: Major): string {
  const beside = join(import.meta.dirname, `pg-query-${String(major)}.wasm`);
  if (existsSync(beside)) return beside;
  return createRequire(import.meta.url).resolve(`pg-query-${String(major)}/wasm/libpg-query.wasm`);
}

/** Reads and compiles a grammar; one can be shared with a worker. */
export async function compileGrammar(major: Major): Promise<CompiledGrammar> {
  return WebAssembly.compile(await readFile(wasmPath(major)));
}

/** A new instance with a memory of its own, some 5 ms. An instance that threw must be dropped, and is then collected. */
export async function createGrammar(major: Major, module: CompiledGrammar): Promise<Grammar> {
  const { default: factory } = (await FACTORIES[major]()) as { readonly default: Factory };
  const instantiateWasm = (imports: object, done: (instance: object, module: object) => void): object => {
    const instance = new WebAssembly.Instance(module, imports);
    done(instance, module);
    return instance.exports;
  };
  const silent = (): void => undefined;
  return new Grammar(await factory({ instantiateWasm, print: silent, printErr: silent }));
}

/** PgQueryParseResult: {char *parse_tree; char *stderr_buffer; PgQueryError *error}, pointers of 4 bytes. */
const ERROR = 8;
/** PgQueryError: {char *message, *funcname, *filename; int lineno, cursorpos; char *context}. */
const [FUNCTION, FILE, POSITION] = [4, 8, 16];

export class Grammar {
  readonly #wasm: Wasm;

  constructor(wasm: Wasm) {
    this.#wasm = wasm;
  }

  /** Bytes of its memory, which never shrinks. */
  get memory(): number {
    return this.#wasm.HEAPU8.length;
  }

  /**
   * The text must be UTF-8 without NUL. `read` gets the tree's JSON in the parser's own memory, valid during the call.
   * Anything that this throws (RangeError, WebAssembly.RuntimeError …) means that the instance is broken for good: its
   * stack pointer is lost.
   */
  parse<T>(text: Uint8Array, read: (json: Buffer) => T): Parsed<T> {
    const wasm = this.#wasm;
    const pointer = wasm._malloc(text.length + 1);
    if (pointer === 0) throw new Error('the parser has no memory left');
    wasm.HEAPU8.set(text, pointer);
    wasm.HEAPU8[pointer + text.length] = 0;
    const result = wasm._wasm_parse_query_raw(pointer);
    if (result === 0) throw new Error('the parser gave no result');
    const error = wasm.getValue(result + ERROR, 'i32');
    const parsed: Parsed<T> =
      error === 0
        ? { kind: 'tree', tree: read(this.#bytes(wasm.getValue(result, 'i32'))) }
        : { kind: 'error', error: this.#error(error) };
    wasm._wasm_free_parse_result(result);
    wasm._free(pointer);
    return parsed;
  }

  #bytes(pointer: number): Buffer {
    if (pointer === 0) throw new Error('the parser gave no tree');
    const heap = this.#wasm.HEAPU8;
    return Buffer.from(heap.buffer, pointer, heap.indexOf(0, pointer) - pointer);
  }

  #error(pointer: number): GrammarError {
    const text = (offset: number): string => {
      const value = this.#wasm.getValue(pointer + offset, 'i32');
      return value === 0 ? '' : this.#wasm.UTF8ToString(value);
    };
    return {
      message: text(0),
      function: text(FUNCTION),
      file: text(FILE),
      position: Math.max(0, this.#wasm.getValue(pointer + POSITION, 'i32')),
    };
  }
}
