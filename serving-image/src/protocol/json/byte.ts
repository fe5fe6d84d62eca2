/**
 * The bytes that mean something in JSON. An enum, because the bundler writes its values into the code: as module
 * constants they would be loaded from memory for every byte that is read.
 */
export enum Byte {
  Tab = 9,
  NewLine = 10,
  Return = 13,
  Blank = 32,
  Quote = 34,
  Plus = 43,
  Comma = 44,
  Minus = 45,
  Point = 46,
  Zero = 48,
  One = 49,
  Nine = 57,
  Colon = 58,
  UpperE = 69,
  OpenList = 91,
  Backslash = 92,
  CloseList = 93,
  LowerE = 101,
  OpenObject = 123,
  CloseObject = 125,
}
