/** Emscripten's glue, which the packages ship without types; grammar.ts says what of it is used. */
declare module 'pg-query-15/wasm/libpg-query.js';
declare module 'pg-query-16/wasm/libpg-query.js';
declare module 'pg-query-17/wasm/libpg-query.js';
declare module 'pg-query-18/wasm/libpg-query.js';
