import { expect } from 'chai';
import { cutName, splitIdentifiers } from './identifiers.ts';
import { judgeSetting, mayReadSetting } from './settings.ts';

describe('settings', () => {
  for (const name of ['role', 'session_authorization', 'row_security', 'session_replication_role', 'app.tenant']) {
    it(`${name} stays what it is, whatever the value`, () => {
      for (const value of ['on', 'off', 'none', 'default', '', null]) {
        expect(judgeSetting(name, value).ok).to.equal(false);
        expect(judgeSetting(name.toUpperCase(), value).ok).to.equal(false);
      }
    });
  }

  it('the names of UTF-8 are UTF-8, nothing else is', () => {
    for (const value of ['utf8', 'UTF-8', 'Unicode', 'utf_8', ' UTF8 ']) {
      expect(judgeSetting('client_encoding', value).ok, value).to.equal(true);
    }
    for (const value of ['latin1', 'SQL_ASCII', 'utf', 'utf16', 'auto', '', 'mule_internal', 'win1252']) {
      expect(judgeSetting('client_encoding', value).ok, value).to.equal(false);
    }
  });

  it('standard strings can be switched on, never off', () => {
    expect(judgeSetting('standard_conforming_strings', 'on').ok).to.equal(true);
    for (const value of ['off', 'false', '0', 'of', 'n', '']) {
      expect(judgeSetting('standard_conforming_strings', value).ok, value).to.equal(false);
    }
  });

  it('a search_path is refused for what would change whose names come first', () => {
    for (const value of ['app', 'pg_catalog, app', '"Odd", public', '', null]) {
      expect(judgeSetting('search_path', value).ok, String(value)).to.equal(true);
    }
    for (const value of [
      'app, pg_catalog',
      '"$user"',
      'pg_temp',
      'pg_temp_3, app',
      'information_schema',
      'a b',
      'a,,b',
      'a,',
    ]) {
      expect(judgeSetting('Search_Path', value).ok, value).to.equal(false);
    }
  });

  it('a refusal names the setting, never the value', () => {
    const verdict = judgeSetting('client_encoding', 'secret');
    expect(JSON.stringify(verdict)).to.not.contain('secret');
  });

  it('what may be set may be read; the server itself may not', () => {
    for (const name of ['TimeZone', 'server_version', 'search_path', 'role']) {
      expect(mayReadSetting(name), name).to.equal(true);
    }
    for (const name of ['data_directory', 'hba_file', 'primary_conninfo', 'app.tenant', 'all']) {
      expect(mayReadSetting(name), name).to.equal(false);
    }
  });
});

describe('identifiers in settings and sequence names', () => {
  it('are folded unless quoted, and cut as the server cuts them', () => {
    expect(splitIdentifiers('App , "B""c" ,ÄX', ',')).to.deep.equal(['app', 'B"c', 'Äx']);
    expect(splitIdentifiers('"a.b".C', '.')).to.deep.equal(['a.b', 'c']);
    expect(splitIdentifiers('', ',')).to.deep.equal([]);
    for (const text of ['a b', 'a,', ',a', '"a', 'a"b"', 'a..b', '\u00a0app', 'app\v']) {
      expect(splitIdentifiers(text, ','), text).to.equal(undefined);
    }
  });

  it('are cut at 63 bytes on the boundary of a character', () => {
    expect(cutName('a'.repeat(70))).to.equal('a'.repeat(63));
    expect(cutName('é'.repeat(40))).to.equal('é'.repeat(31));
    expect(cutName('a' + '💥'.repeat(16))).to.equal('a' + '💥'.repeat(15));
  });
});
