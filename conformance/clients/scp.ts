import type { Case } from '../case.ts'
import { COMMANDS } from './scp/commands.ts'
import { OPENSSH_SCP_PROTOCOL } from './scp/openssh.ts'
import { PSCP } from './scp/pscp.ts'
import { REPLAYED } from './scp/replayed.ts'
import { TROUBLE } from './scp/trouble.ts'

/** SCP's own protocol, and commands run over SSH. */
export const SCP: readonly Case[] = [...OPENSSH_SCP_PROTOCOL, ...TROUBLE, ...PSCP, ...COMMANDS, ...REPLAYED]
