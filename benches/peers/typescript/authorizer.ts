// A token's verification with aws-jwt-verify, as its documentation shows for a Lambda authorizer.
// https://github.com/awslabs/aws-jwt-verify#express-and-other-issuers

import { JwtVerifier } from 'aws-jwt-verify';

const verifier = JwtVerifier.create({
  issuer: process.env.ISSUER!,
  audience: process.env.AUDIENCE!,
  jwksUri: `${process.env.ISSUER}/jwks.json`,
});
// The library fetches keys over https only, so they come from the environment, and it fetches nothing.
verifier.cacheJwks(JSON.parse(process.env.JWKS!));

export const handler = async (event: any) => {
  try {
    const token = event.headers.authorization.slice('Bearer '.length);
    const claims = await verifier.verify(token);
    const isAuthorized = `${claims.scope}`.split(' ').includes('orders:write');
    return { isAuthorized, context: { issuer: 'local', sub: claims.sub, scope: claims.scope } };
  } catch {
    return { isAuthorized: false };
  }
};
