/** For tests: every message decoded and encoded again, by name. Equal bytes mean that nothing was lost or added. */
import * as decode from '../decode.ts';
import * as login from '../decode-login.ts';
import * as encode from '../encode.ts';
import * as encodeLogin from '../encode-login.ts';
import { BACKEND } from '../messages.ts';
import type { BackendName, FrontendName } from '../messages.ts';

export type Recode = (body: Buffer) => Buffer;

const empty = (make: () => Buffer): Recode => {
  return (body) => {
    decode.decodeEmpty(body);
    return make();
  };
};

export const RECODE_FRONTEND: Readonly<Record<Exclude<FrontendName, 'Password'>, Recode>> = {
  Bind: (body) => {
    const message = decode.decodeBind(body);
    const head = decode.decodeBindHead(body);
    if (head === undefined || !head.portal.equals(message.portal) || !head.statement.equals(message.statement)) {
      throw new Error('the head says otherwise');
    }
    return encode.encodeBind(message);
  },
  Close: (body) => {
    const { target, name } = decode.decodeClose(body);
    return encode.encodeClose(target, name);
  },
  CopyData: (body) => encode.encodeCopyData(body),
  CopyDone: empty(encode.encodeCopyDone),
  CopyFail: (body) => encode.encodeCopyFail(decode.decodeCopyFail(body).message),
  Describe: (body) => {
    const { target, name } = decode.decodeDescribe(body);
    return encode.encodeDescribe(target, name);
  },
  Execute: (body) => {
    const { portal, maxRows } = decode.decodeExecute(body);
    return encode.encodeExecute(portal, maxRows);
  },
  Flush: empty(encode.encodeFlush),
  FunctionCall: (body) => encode.encodeFunctionCall(decode.decodeFunctionCall(body)),
  Parse: (body) => {
    const { name, text, oids } = decode.decodeParse(body);
    return encode.encodeParse(name, text, oids);
  },
  Query: (body) => encode.encodeQuery(decode.decodeQuery(body).text),
  Sync: empty(encode.encodeSync),
  Terminate: empty(encode.encodeTerminate),
};

/** What a `p` is depends on what the server asked for. */
export const RECODE_PASSWORD = {
  password: (body: Buffer): Buffer => encodeLogin.encodePassword(login.decodePassword(body)),
  saslInitial: (body: Buffer): Buffer => {
    const { mechanism, data } = login.decodeSaslInitialResponse(body);
    return encodeLogin.encodeSaslInitialResponse(mechanism.toString('latin1'), data);
  },
  saslResponse: (body: Buffer): Buffer => encodeLogin.encodeSaslResponse(body),
} as const;

const copyResponse = (type: number): Recode => {
  return (body) => {
    const { format, columns } = decode.decodeCopyResponse(body);
    return encode.encodeCopyResponse(type, format, columns);
  };
};

export const RECODE_BACKEND: Readonly<Record<BackendName, Recode>> = {
  Authentication: (body) => {
    const request = login.decodeAuthentication(body);
    switch (request.kind) {
      case 'ok':
        return encodeLogin.encodeAuthenticationOk();
      case 'cleartext':
        return encodeLogin.encodeAuthenticationCleartextPassword();
      case 'md5':
        return encodeLogin.encodeAuthenticationMd5Password(request.salt);
      case 'sasl':
        return encodeLogin.encodeAuthenticationSasl(request.mechanisms);
      case 'sasl-continue':
        return encodeLogin.encodeAuthenticationSaslContinue(request.data);
      case 'sasl-final':
        return encodeLogin.encodeAuthenticationSaslFinal(request.data);
      case 'other':
        return encodeLogin.encodeAuthenticationOther(request.request);
    }
  },
  BackendKeyData: (body) => {
    const { pid, key } = login.decodeBackendKeyData(body);
    return encodeLogin.encodeBackendKeyData(pid, key);
  },
  BindComplete: empty(encode.encodeBindComplete),
  CloseComplete: empty(encode.encodeCloseComplete),
  CommandComplete: (body) => encode.encodeCommandComplete(decode.decodeCommandComplete(body).tag),
  CopyBothResponse: copyResponse(BACKEND.CopyBothResponse),
  CopyData: (body) => encode.encodeCopyData(body),
  CopyDone: empty(encode.encodeCopyDone),
  CopyInResponse: copyResponse(BACKEND.CopyInResponse),
  CopyOutResponse: copyResponse(BACKEND.CopyOutResponse),
  DataRow: (body) => encode.encodeDataRow(decode.decodeDataRow(body)),
  EmptyQueryResponse: empty(encode.encodeEmptyQueryResponse),
  ErrorResponse: (body) => encode.encodeMessageFields(BACKEND.ErrorResponse, decode.decodeErrorFields(body)),
  FunctionCallResponse: (body) => encode.encodeFunctionCallResponse(decode.decodeFunctionCallResponse(body)),
  NegotiateProtocolVersion: (body) => {
    const { minor, unknown } = login.decodeNegotiateProtocolVersion(body);
    return encodeLogin.encodeNegotiateProtocolVersion(minor === 0 ? 0 : 2, unknown);
  },
  NoData: empty(encode.encodeNoData),
  NoticeResponse: (body) => encode.encodeMessageFields(BACKEND.NoticeResponse, decode.decodeNoticeFields(body)),
  NotificationResponse: (body) => {
    const { pid, channel, payload } = decode.decodeNotificationResponse(body);
    return encode.encodeNotificationResponse(pid, channel, payload);
  },
  ParameterDescription: (body) => encode.encodeParameterDescription(decode.decodeParameterDescription(body)),
  ParameterStatus: (body) => {
    const { name, value } = decode.decodeParameterStatus(body);
    return encode.encodeParameterStatus(name, value);
  },
  ParseComplete: empty(encode.encodeParseComplete),
  PortalSuspended: empty(encode.encodePortalSuspended),
  ReadyForQuery: (body) => encode.encodeReadyForQuery(decode.decodeReadyForQuery(body)),
  RowDescription: (body) => encode.encodeRowDescription(decode.decodeRowDescription(body)),
};

export const recodeStartup = (body: Buffer): Buffer | undefined => {
  const packet = login.decodeStartup(body);
  switch (packet.kind) {
    case 'ssl':
      return encodeLogin.encodeSslRequest();
    case 'gss-encryption':
      return encodeLogin.encodeGssEncryptionRequest();
    case 'cancel':
      return encodeLogin.encodeCancelRequest(packet.pid, packet.key);
    case 'startup':
      return encodeLogin.encodeStartup(
        packet.minor,
        packet.parameters.map(([name, value]) => [name.toString('utf8'), value.toString('utf8')]),
      );
    case 'other-version':
      return undefined;
  }
};
