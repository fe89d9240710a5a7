import { expect } from 'chai';
import { systemLists, type Major } from './index.ts';

const MAJORS: readonly Major[] = [15, 16, 17, 18];

const names = (text: string): readonly string[] => text.trim().split(/\s+/);

for (const major of MAJORS) {
  const lists = systemLists(major);
  const { free, all } = lists.functions;

  describe(`lists of PostgreSQL ${String(major)}`, () => {
    for (const [threat, functions] of Object.entries({
      'reads files of the server':
        'pg_read_file pg_read_binary_file pg_ls_dir pg_ls_logdir pg_stat_file lo_import lo_export',
      'reads large objects': 'lo_get loread lo_open lo_create lo_unlink lowrite lo_from_bytea lo_put',
      'runs text as SQL': `query_to_xml query_to_xmlschema table_to_xml schema_to_xml database_to_xml cursor_to_xml
        query_to_xml_and_xmlschema ts_stat ts_rewrite currtid2`,
      'reaches other sessions': `pg_terminate_backend pg_cancel_backend pg_stat_get_activity pg_lock_status
        pg_blocking_pids pg_notify pg_advisory_lock pg_try_advisory_xact_lock pg_stat_get_backend_activity`,
      'reads settings and their files':
        'pg_show_all_settings pg_show_all_file_settings pg_hba_file_rules pg_reload_conf',
      'changes settings or sequences': 'set_config current_setting nextval setval currval lastval',
      'shows what the server was sent': 'current_query pg_cursor pg_prepared_statement',
      'prints bodies': 'pg_get_viewdef pg_get_functiondef pg_get_ruledef pg_get_function_sqlbody',
      'tells sizes and statistics': 'pg_relation_size pg_total_relation_size pg_database_size pg_stat_get_live_tuples',
      'moves WAL and replication': 'pg_switch_wal pg_create_logical_replication_slot pg_logical_emit_message',
      'hands a machine type over': 'textin textout record_out array_in domain_in byteain plpgsql_call_handler eqsel',
    })) {
      it(`${threat}: not free`, () => {
        for (const name of names(functions)) {
          expect(all.has(name), `${name} exists`).to.equal(true);
          expect(free.has(name), name).to.equal(false);
        }
      });
    }

    it('what applications compute with is free', () => {
      for (const name of names(`lower upper count sum max avg coalesce_ now random to_char date_trunc extract substring
        md5 sha256 json_agg jsonb_build_object to_jsonb row_to_json array_agg unnest generate_series string_agg
        row_number lag rank regexp_replace to_tsvector ts_rank plainto_tsquery gen_random_uuid pg_sleep xpath age
        format concat width_bucket timezone jsonb_path_query overlaps like_escape int4range`).filter(
        (word) => !word.endsWith('_'),
      )) {
        expect(free.has(name), name).to.equal(true);
      }
    });

    it('what psql and drivers ask catalogs with is free', () => {
      for (const name of names(`format_type pg_get_expr pg_get_constraintdef pg_get_indexdef pg_get_triggerdef
        pg_get_userbyid obj_description col_description pg_table_is_visible pg_function_is_visible pg_type_is_visible
        pg_get_function_result pg_get_function_arguments pg_get_partkeydef pg_get_serial_sequence to_regclass version
        pg_encoding_to_char current_schema current_schemas current_database has_table_privilege pg_backend_pid
        pg_relation_is_publishable pg_get_statisticsobjdef_columns pg_get_function_identity_arguments`)) {
        expect(free.has(name), name).to.equal(true);
      }
    });

    it('a free function is a function', () => {
      expect([...free].filter((name) => !all.has(name))).to.deep.equal([]);
      expect(all.size).to.be.greaterThan(2500);
    });

    it('a whole row cannot be printed by an output function in a column’s clothing', () => {
      expect([...lists.rowFunctionsNotFree]).to.include.members(['record_out', 'any_out', 'anyelement_out']);
      expect([...lists.rowFunctionsNotFree].filter((name) => free.has(name))).to.deep.equal([]);
    });

    it('every operator that statements are written with is free', () => {
      for (const name of names(
        '+ - * / % ^ = <> < > <= >= || ~~ !~~ ~~* ~ !~ -> ->> #> #>> @> <@ ? ?| ?& @@ && << >>',
      )) {
        expect(lists.operators.has(name), name).to.equal(true);
      }
    });

    it('types: base types, their arrays, ranges and reg types; no pseudo-types, no row types', () => {
      for (const name of names(
        'int4 _int4 text bpchar varchar numeric jsonb uuid tstzrange int4multirange regclass char',
      ))
        expect(lists.types.has(name), name).to.equal(true);
      for (const name of names('internal cstring trigger anyelement pg_class _pg_class pg_authid'))
        expect(lists.types.has(name), name).to.equal(false);
    });

    it('relations that hold secrets, data or other sessions are refused', () => {
      for (const name of names(`pg_authid pg_shadow pg_user_mapping pg_user_mappings pg_stat_activity pg_statistic pg_stats
        pg_stats_ext pg_statistic_ext_data pg_largeobject pg_subscription pg_locks pg_hba_file_rules pg_file_settings
        pg_config pg_prepared_statements pg_prepared_xacts pg_replication_slots pg_stat_replication pg_stat_user_tables
        pg_db_role_setting pg_group pg_backend_memory_contexts`)) {
        expect(lists.relations.get(`pg_catalog.${name}`), name).to.equal('refused');
      }
      expect(lists.relations.get('information_schema.user_mapping_options')).to.equal('refused');
      expect(lists.relations.get('information_schema.foreign_server_options')).to.equal('refused');
    });

    for (const [relation, withheld] of Object.entries({
      'pg_catalog.pg_proc': 'prosrc probin prosqlbody',
      'pg_catalog.pg_rewrite': 'ev_action ev_qual',
      'pg_catalog.pg_views': 'definition',
      'pg_catalog.pg_roles': 'rolpassword rolconfig rolsuper',
      'pg_catalog.pg_settings': 'setting reset_val boot_val sourcefile',
      'pg_catalog.pg_foreign_server': 'srvoptions',
      'pg_catalog.pg_sequences': 'last_value',
      'pg_catalog.pg_cursors': 'statement',
      'information_schema.views': 'view_definition',
      'information_schema.routines': 'routine_definition',
    })) {
      it(`${relation} without ${withheld}`, () => {
        const access = lists.relations.get(relation);
        expect(access).to.be.an('object');
        if (typeof access !== 'object') return;
        expect(access.columns.size).to.be.greaterThan(1);
        for (const column of names(withheld)) expect(access.columns.has(column), column).to.equal(false);
        expect([...access.withheld].filter((column) => access.columns.has(column))).to.deep.equal([]);
        expect(names(withheld).some((column) => access.withheld.has(column))).to.equal(true);
      });
    }

    it('the catalogs of \\d are free', () => {
      for (const name of names(`pg_class pg_attribute pg_namespace pg_type pg_index pg_constraint pg_description pg_attrdef pg_enum
        pg_inherits pg_policy pg_statistic_ext pg_publication pg_publication_rel pg_trigger pg_am pg_collation pg_depend`)) {
        expect(lists.relations.get(`pg_catalog.${name}`), name).to.equal('free');
      }
      expect(lists.relations.get('information_schema.columns')).to.equal('free');
    });
  });
}
