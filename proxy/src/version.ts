/** As in package.json, which a bundle does not have beside it; version.test.ts holds them equal. */
export const VERSION = '0.1.0';
