/**
 * Written by hand from §54.7 and §54.8, so that no codec of ours made them: hex, and text in quotes. The length is
 * written out too.
 */
export interface Vector {
  readonly name: string;
  readonly bytes: Buffer;
}

/** `51 00000006 'x' 00` → bytes. */
function vector(name: string, notation: string): Vector {
  const parts = notation.match(/'[^']*'|[0-9a-f]+/g) ?? [];
  const bytes = parts.map((part) =>
    part.startsWith("'") ? Buffer.from(part.slice(1, -1), 'utf8') : Buffer.from(part, 'hex'),
  );
  return { name, bytes: Buffer.concat(bytes) };
}

export const FRONTEND_VECTORS: readonly Vector[] = [
  vector('Bind', "42 00000023 'p' 00 's' 00 0002 0000 0001 0003 00000001 31 ffffffff 00000000 0002 0001 0000"),
  vector('Bind', '42 0000000c 00 00 0000 0000 0000'),
  vector('Close', "43 00000007 'S' 'n' 00"),
  vector('Close', "43 00000006 'P' 00"),
  vector('CopyData', "64 00000007 'a' 09 0a"),
  vector('CopyData', '64 00000004'),
  vector('CopyDone', '63 00000004'),
  vector('CopyFail', "66 00000008 'why' 00"),
  vector('Describe', "44 00000006 'S' 00"),
  vector('Describe', "44 00000009 'P' 'pö' 00"),
  vector('Execute', "45 0000000a 'p' 00 00000064"),
  vector('Execute', '45 00000009 00 ffffffff'),
  vector('Flush', '48 00000004'),
  vector('FunctionCall', '46 0000001a 000000b1 0001 0001 0002 00000002 0001 ffffffff 0000'),
  vector('Parse', "50 00000016 's' 00 'select $1' 00 0001 00000017"),
  vector('Parse', '50 00000008 00 00 0000'),
  vector('Query', "51 0000000d 'select 1' 00"),
  vector('Query', '51 00000005 00'),
  vector('Sync', '53 00000004'),
  vector('Terminate', '58 00000004'),
];

export const PASSWORD_VECTORS: readonly Vector[] = [
  vector('password', "70 0000000b 'secret' 00"),
  vector('saslInitial', "70 00000017 'SCRAM-SHA-256' 00 00000001 'n'"),
  vector('saslInitial', "70 00000016 'SCRAM-SHA-256' 00 ffffffff"),
  vector('saslResponse', "70 00000007 'c=b'"),
];

export const STARTUP_VECTORS: readonly Vector[] = [
  vector('SSLRequest', '00000008 04d2162f'),
  vector('GSSENCRequest', '00000008 04d21630'),
  vector('CancelRequest', '00000010 04d2162e 000004d2 01020304'),
  vector('CancelRequest', `0000002c 04d2162e 000004d2 ${'ab'.repeat(32)}`),
  vector('CancelRequest', `0000010c 04d2162e ffffffff ${'00'.repeat(256)}`),
  vector('StartupMessage', "0000001c 00030000 'user' 00 'u' 00 'database' 00 'db' 00 00"),
  vector('StartupMessage', "0000001b 00030002 'user' 00 'ü' 00 'user' 00 'v' 00 'a' 00 00 00"),
  vector('StartupMessage', '00000009 00030000 00'),
];

export const BACKEND_VECTORS: readonly Vector[] = [
  vector('Authentication', '52 00000008 00000000'),
  vector('Authentication', '52 00000008 00000003'),
  vector('Authentication', '52 0000000c 00000005 01020304'),
  vector('Authentication', '52 00000008 00000007'),
  vector('Authentication', '52 00000008 00000009'),
  vector('Authentication', "52 00000017 0000000a 'SCRAM-SHA-256' 00 00"),
  vector('Authentication', "52 0000002a 0000000a 'SCRAM-SHA-256-PLUS' 00 'SCRAM-SHA-256' 00 00"),
  vector('Authentication', "52 0000000b 0000000b 'r=n'"),
  vector('Authentication', "52 0000000b 0000000c 'v=x'"),
  vector('BackendKeyData', '4b 0000000c 00000539 01020304'),
  vector('BackendKeyData', `4b 00000028 00000539 ${'cd'.repeat(32)}`),
  vector('BindComplete', '32 00000004'),
  vector('CloseComplete', '33 00000004'),
  vector('CommandComplete', "43 0000000d 'SELECT 1' 00"),
  vector('CopyBothResponse', '57 00000007 00 0000'),
  vector('CopyData', '64 00000006 0102'),
  vector('CopyDone', '63 00000004'),
  vector('CopyInResponse', '47 0000000b 00 0002 0000 0000'),
  vector('CopyOutResponse', '48 00000009 01 0001 0001'),
  vector('DataRow', "44 00000013 0003 00000001 'a' ffffffff 00000000"),
  vector('DataRow', '44 00000006 0000'),
  vector('EmptyQueryResponse', '49 00000004'),
  vector('ErrorResponse', "45 0000001d 'SERROR' 00 'VERROR' 00 'C42501' 00 'Mn' 00 00"),
  vector('ErrorResponse', '45 00000005 00'),
  vector('FunctionCallResponse', '56 0000000c 00000004 00000003'),
  vector('FunctionCallResponse', '56 00000008 ffffffff'),
  vector('NegotiateProtocolVersion', "76 00000013 00030000 00000001 '_pq_.a' 00"),
  vector('NegotiateProtocolVersion', '76 0000000c 00030002 00000000'),
  vector('NoData', '6e 00000004'),
  vector('NoticeResponse', "4e 0000000d 'SNOTICE' 00 00"),
  vector('NotificationResponse', "41 0000000c 00000001 'c' 00 'p' 00"),
  vector('ParameterDescription', '74 0000000e 0002 00000017 00000019'),
  vector('ParameterStatus', "53 00000011 'TimeZone' 00 'UTC' 00"),
  vector('ParseComplete', '31 00000004'),
  vector('PortalSuspended', '73 00000004'),
  vector('ReadyForQuery', "5a 00000005 'I'"),
  vector('ReadyForQuery', "5a 00000005 'T'"),
  vector('ReadyForQuery', "5a 00000005 'E'"),
  vector('RowDescription', "54 0000001b 0001 'id' 00 00004002 0001 00000017 0004 ffffffff 0000"),
  vector('RowDescription', '54 00000006 0000'),
];
