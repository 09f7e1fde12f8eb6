package dev.millrace.ops.registry;

/**
 * A request that cannot be answered as asked: HTTP status, Confluent's error code and a sentence.
 */
final class ApiException extends RuntimeException {
    private final int status;
    private final int code;

    ApiException(int status, int code, String message) {
        super(message, null, false, false); // An answer, not a fault: no stack trace.
        this.status = status;
        this.code = code;
    }

    int status() {
        return status;
    }

    int code() {
        return code;
    }

    static ApiException noPath() {
        return new ApiException(404, 404, "HTTP 404 Not Found");
    }

    static ApiException noMethod() {
        return new ApiException(405, 405, "HTTP 405 Method Not Allowed");
    }

    static ApiException badRequest(String why) {
        return new ApiException(400, 400, why);
    }

    static ApiException unprocessable(String why) {
        return new ApiException(422, 422, why);
    }

    static ApiException subjectNotFound(String subject) {
        return new ApiException(404, 40401, "Subject '" + subject + "' not found.");
    }

    static ApiException versionNotFound(String version) {
        return new ApiException(404, 40402, "Version " + version + " not found.");
    }

    static ApiException schemaNotFound() {
        return new ApiException(404, 40403, "Schema not found");
    }

    static ApiException idNotFound(int id) {
        return new ApiException(404, 40403, "Schema " + id + " not found");
    }

    static ApiException subjectSoftDeleted(String subject) {
        return new ApiException(
                404,
                40404,
                "Subject '"
                        + subject
                        + "' was soft deleted. Set permanent=true to delete permanently");
    }

    static ApiException subjectNotSoftDeleted(String subject) {
        return new ApiException(
                404,
                40405,
                "Subject '" + subject + "' was not deleted first before being permanently deleted");
    }

    static ApiException versionSoftDeleted(String subject, int version) {
        return new ApiException(
                404,
                40406,
                "Subject '"
                        + subject
                        + "' Version "
                        + version
                        + " was soft deleted. Set permanent=true to delete permanently");
    }

    static ApiException versionNotSoftDeleted(String subject, int version) {
        return new ApiException(
                404,
                40407,
                "Subject '"
                        + subject
                        + "' Version "
                        + version
                        + " was not deleted first before being permanently deleted");
    }

    static ApiException noSubjectLevel(String subject) {
        return new ApiException(
                404,
                40408,
                "Subject '" + subject + "' does not have subject-level compatibility configured");
    }

    static ApiException noSubjectMode(String subject) {
        return new ApiException(
                404,
                40409,
                "Subject '" + subject + "' does not have subject-level mode configured");
    }

    static ApiException incompatible(String subject, Object details) {
        return new ApiException(
                409,
                409,
                "Schema being registered is incompatible with an earlier schema for subject \""
                        + subject
                        + "\", details: "
                        + details);
    }

    static ApiException invalidSchema(String why) {
        return new ApiException(422, 42201, "Invalid schema: " + why);
    }

    static ApiException invalidVersion(String version) {
        return new ApiException(
                422,
                42202,
                "The specified version '"
                        + version
                        + "' is not a valid version id. Allowed values are between "
                        + "[1, 2^31-1] and the string \"latest\"");
    }

    static ApiException invalidLevel(String why) {
        return new ApiException(422, 42203, "Invalid compatibility level: " + why);
    }

    static ApiException invalidMode(String why) {
        return new ApiException(422, 42204, "Invalid mode: " + why);
    }

    static ApiException readOnly(String subject) {
        return new ApiException(422, 42205, "Subject " + subject + " is in read-only mode");
    }

    static ApiException invalidSubject(String subject) {
        return new ApiException(
                422,
                42208,
                "The specified subject '" + subject + "' is not valid: contexts are not supported");
    }
}
