/**
 * The form in which tools/lists writes the lists: names separated by white space (no name of pg_catalog or
 * information_schema holds any), what all majors share in one file, what only some have in a file of each.
 */
export interface PackedLists {
  /** Functions of pg_catalog by name. */
  readonly free: string;
  readonly notFree: string;
  readonly rowFunctionsNotFree: string;
  readonly operators: string;
  readonly types: string;
  readonly relations: {
    /** `schema.name`. */
    readonly free: string;
    readonly refused: string;
    /** `schema.name` → the columns that may be read. */
    readonly columns: Readonly<Record<string, string>>;
    /** `schema.name` → the rest of its columns. */
    readonly withheld: Readonly<Record<string, string>>;
  };
}
