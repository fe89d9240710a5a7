import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as library from '@peculiar/x509';

/*
 * A module of its own, to be imported when a certificate is made: of a CommonJS package that is itself imported so, the
 * bundler gives nothing but `default`.
 */
library.cryptoProvider.set(webcrypto);

export const x509 = library;
