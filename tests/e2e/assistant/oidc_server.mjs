// OpenID Connect provider: node oidc_server.mjs ENTRY PORT RESOURCE GROUPS
const [entry, port, resource, groups] = process.argv.slice(2);
const { default: Provider } = await import(entry);
const of = JSON.parse(groups);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clientDefaults: { application_type: "native" },
  extraTokenClaims: (_, token) => ({ groups: of[token.accountId] }),
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: (_, audience) => ({
        audience, scope: "", accessTokenFormat: "jwt", accessTokenTTL: 600,
      }),
      useGrantedResource: () => true,
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(Number(port), "127.0.0.1");
