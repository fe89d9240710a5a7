import type { CatalogRelation } from './catalog.ts';

/**
 * What may be read of pg_catalog and information_schema. A relation that none of these lists names is refused, and so
 * is a column that is not on its relation's list. The README says why.
 */
export type RelationAccess = 'free' | 'refused' | LimitedRelation;

export interface LimitedRelation {
  readonly allowed: readonly string[];
  readonly withheld: readonly string[];
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const FREE_PG_CATALOG = words(`
  pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_available_extensions pg_available_extension_versions pg_cast pg_class
  pg_collation pg_constraint pg_conversion pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_index
  pg_indexes pg_inherits pg_language pg_namespace pg_opclass pg_operator pg_opfamily pg_partitioned_table pg_policies
  pg_policy pg_publication pg_publication_namespace pg_publication_rel pg_publication_tables pg_range pg_sequence
  pg_statistic_ext pg_tables pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config pg_ts_config_map
  pg_ts_dict pg_ts_parser pg_ts_template pg_type`);

/** The columns that may be read; of all majors, those that a major lacks are left out. */
const COLUMNS: Readonly<Record<string, string>> = {
  // without statement: see "text of the session"
  'pg_catalog.pg_cursors': 'name is_holdable is_binary is_scrollable creation_time',
  'pg_catalog.pg_database': `oid datname datdba encoding datlocprovider datistemplate datallowconn datconnlimit dattablespace
    datcollate datctype daticulocale datlocale daticurules datcollversion datacl`,
  // options hold passwords
  'pg_catalog.pg_foreign_data_wrapper': 'oid fdwname fdwowner fdwhandler fdwvalidator fdwacl',
  'pg_catalog.pg_foreign_server': 'oid srvname srvowner srvfdw srvtype srvversion srvacl',
  'pg_catalog.pg_foreign_table': 'ftrelid ftserver',
  // without definition
  'pg_catalog.pg_matviews': 'schemaname matviewname matviewowner tablespace hasindexes ispopulated',
  'pg_catalog.pg_rules': 'schemaname tablename rulename',
  'pg_catalog.pg_views': 'schemaname viewname viewowner',
  // without prosrc, probin, prosqlbody (bodies) and proconfig
  'pg_catalog.pg_proc': `oid proname pronamespace proowner prolang procost prorows provariadic prosupport prokind prosecdef
    proleakproof proisstrict proretset provolatile proparallel pronargs pronargdefaults prorettype proargtypes
    proallargtypes proargmodes proargnames proargdefaults protrftypes proacl`,
  // without ev_qual and ev_action: bodies
  'pg_catalog.pg_rewrite': 'oid rulename ev_class ev_type ev_enabled is_instead',
  'pg_catalog.pg_roles': 'oid rolname',
  'pg_catalog.pg_user': 'usesysid usename',
  // without last_value: data
  'pg_catalog.pg_sequences': `schemaname sequencename sequenceowner data_type start_value min_value max_value increment_by
    cycle cache_size`,
  // without the values, among which are primary_conninfo and file names: SHOW is the road
  'pg_catalog.pg_settings': 'name unit category short_desc extra_desc context vartype min_val max_val enumvals',
  'pg_catalog.pg_tablespace': 'oid spcname spcowner',
  'information_schema.check_constraints': 'constraint_catalog constraint_schema constraint_name',
  'information_schema.foreign_data_wrappers': `foreign_data_wrapper_catalog foreign_data_wrapper_name
    authorization_identifier foreign_data_wrapper_language`,
  'information_schema.routines': `specific_catalog specific_schema specific_name routine_catalog routine_schema routine_name
    routine_type udt_catalog udt_schema udt_name data_type type_udt_catalog type_udt_schema type_udt_name dtd_identifier
    routine_body external_language parameter_style is_deterministic sql_data_access is_null_call schema_level_routine
    security_type`,
  'information_schema.views': `table_catalog table_schema table_name check_option is_updatable is_insertable_into
    is_trigger_updatable is_trigger_deletable is_trigger_insertable_into`,
};

const FREE_INFORMATION_SCHEMA = words(`
  administrable_role_authorizations applicable_roles attributes character_sets check_constraint_routine_usage
  collation_character_set_applicability collations column_column_usage column_domain_usage column_privileges
  column_udt_usage columns constraint_column_usage constraint_table_usage data_type_privileges domain_constraints
  domain_udt_usage domains element_types enabled_roles foreign_servers foreign_tables information_schema_catalog_name
  key_column_usage parameters referential_constraints role_column_grants role_routine_grants role_table_grants
  role_udt_grants role_usage_grants routine_column_usage routine_privileges routine_routine_usage routine_sequence_usage
  routine_table_usage schemata sequences sql_features sql_implementation_info sql_parts sql_sizing table_constraints
  table_privileges tables transforms triggered_update_columns triggers udt_privileges usage_privileges user_defined_types
  view_column_usage view_routine_usage view_table_usage`);

const FREE: ReadonlySet<string> = new Set([
  ...FREE_PG_CATALOG.map((name) => `pg_catalog.${name}`),
  ...FREE_INFORMATION_SCHEMA.map((name) => `information_schema.${name}`),
]);

/** Keyed by `schema.name`. */
export function classifyRelations(relations: readonly CatalogRelation[]): ReadonlyMap<string, RelationAccess> {
  return new Map(relations.map((relation) => [`${relation.schema}.${relation.name}`, accessOf(relation)]));
}

function accessOf(relation: CatalogRelation): RelationAccess {
  const key = `${relation.schema}.${relation.name}`;
  if (FREE.has(key)) return 'free';
  const columns = COLUMNS[key];
  if (columns === undefined) return 'refused';
  const allowed = new Set(words(columns));
  return {
    allowed: relation.columns.filter((column) => allowed.has(column)),
    withheld: relation.columns.filter((column) => !allowed.has(column)),
  };
}

/** Entries above that no major has: misspellings. */
export function unknownNames(majors: readonly (readonly CatalogRelation[])[]): readonly string[] {
  const relations = new Map<string, Set<string>>();
  for (const relation of majors.flat()) {
    const key = `${relation.schema}.${relation.name}`;
    const columns = relations.get(key) ?? new Set<string>();
    relation.columns.forEach((column) => columns.add(column));
    relations.set(key, columns);
  }
  const missing = [...FREE, ...Object.keys(COLUMNS)].filter((key) => !relations.has(key));
  const columns = Object.entries(COLUMNS).flatMap(([key, text]) =>
    words(text)
      .filter((column) => relations.get(key)?.has(column) === false)
      .map((column) => `${key}.${column}`),
  );
  return [...missing, ...columns];
}
