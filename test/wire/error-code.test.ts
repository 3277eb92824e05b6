import { expect, test } from 'vitest'
import { ErrorCode, errorName } from '../../src/wire/error-code.js'
import { ErrorCodes, ObjectType as ContractObjectType } from '../fixtures/generated/envelope_pb.js'
import { ObjectType } from '../../src/wire/messages.js'

test('the codes and object types are those of the contract', () => {
  expect(ErrorCode).toEqual(ErrorCodes)
  expect(ObjectType).toEqual(ContractObjectType)
})

test('every code has its name, no other number has one', () => {
  for (const [name, code] of Object.entries(ErrorCode)) expect(errorName(code)).toBe(name)
  expect(errorName(14)).toBeUndefined()
  expect(errorName(-1)).toBeUndefined()
})
