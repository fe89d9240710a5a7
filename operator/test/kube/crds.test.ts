import { requireApiServer, type ApiServer } from '../harness/api-server.ts';
describe('CRDs on a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  before(async function () {
    server = await requireApiServer(this);
  });
  after(() => server?.stop());
  it('are accepted', () => server.installCrds());
});
