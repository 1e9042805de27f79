interface Given {
  status?: number;
  retryAfterSeconds?: number;
}

/** What Lambda answers with, instead of doing what it was asked. Its status is the model's, for the codes of the model. */
export class MicrovmRefusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, message: string, given: Given = {}) {
    super(message);
    this.name = 'MicrovmRefusal';
    this.code = code;
    this.status = given.status ?? statusOf[code] ?? 400;
    this.retryAfterSeconds = given.retryAfterSeconds;
  }
}

const statusOf: Readonly<Record<string, number>> = {
  AccessDeniedException: 403,
  ConflictException: 409,
  InsufficientCapacityException: 500,
  InternalServerException: 500,
  ResourceNotFoundException: 404,
  ServiceQuotaExceededException: 402,
  ThrottlingException: 429,
  ValidationException: 400,
};
