//! The codes of problems: for programs, stable, each with its status and its meaning. There are no others.

use http::StatusCode;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Type, schema::Schema},
};

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $meaning:literal;)+) => {
        /// What is wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $meaning] $variant),+
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Returns the HTTP status of the code. `Problem::with_status` makes an answer with another status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// Returns the meaning of the code, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    BadJson = "bad_json", BAD_REQUEST, "The body is not JSON. Send valid JSON.";
    BadHost = "bad_host", BAD_REQUEST, "The request does not have exactly one valid Host header. Send one.";
    BadForwarded = "bad_forwarded", BAD_REQUEST, "`Forwarded` and `X-Forwarded-For` name different clients. Send one of them.";
    PhotoSettled = "photo_settled", CONFLICT, "The photo is confirmed, accepted or supplied already. Read the ingest again.";
    BadQuery = "bad_query", BAD_REQUEST, "A query parameter is not valid. Correct the parameter that `errors` names.";
    NotMultipart = "not_multipart", BAD_REQUEST, "The body is not multipart/form-data. Send multipart/form-data.";
    UploadCut = "upload_cut", BAD_REQUEST, "The upload ended before the body was complete. Send the upload again.";
    UploadStalled = "upload_stalled", REQUEST_TIMEOUT, "The upload sent no bytes for too long. Send the upload again.";
    TooSlow = "too_slow", REQUEST_TIMEOUT, "The body arrived too slowly. Send the request again.";
    NotLoggedIn = "not_logged_in", UNAUTHORIZED, "The request has no valid login. Log in or send a token.";
    LoginFailed = "login_failed", UNAUTHORIZED, "The username or the password is wrong. Check both.";
    TotpRequired = "totp_required", UNAUTHORIZED, "The user logs in with a one-time code. Send the code as `totp`.";
    TooManyLogins = "too_many_logins", TOO_MANY_REQUESTS, "Too many logins failed. Retry after `Retry-After` seconds.";
    MustChangePassword = "must_change_password", FORBIDDEN, "The user must choose a new password first. Send PUT /api/session/password.";
    MustSetUpTotp = "must_set_up_totp", FORBIDDEN, "A role of the user requires one-time codes. Send POST /api/session/totp.";
    TokenScope = "token_scope", FORBIDDEN, "The scope of the token does not allow this request. Use a token with a wider scope.";
    NeedsSession = "needs_session", FORBIDDEN, "A token may not do this. Log in with POST /api/session.";
    Forbidden = "forbidden", FORBIDDEN, "The roles of the caller do not allow this request. Ask an administrator.";
    NotYours = "not_yours", FORBIDDEN, "Only other users may do this act. See `actions` of the flow.";
    NotAssigned = "not_assigned", FORBIDDEN, "The current node is not assigned to the caller. See `actions` of the flow.";
    OwnApproval = "own_approval", FORBIDDEN, "The definition does not let starters approve their own flows. Ask another assignee.";
    NotAStarter = "not_a_starter", FORBIDDEN, "The definition does not let the caller start flows. Ask an administrator.";
    OtherOrigin = "other_origin", FORBIDDEN, "A write came from a page of another site. Send the write from this service's pages, or use a token.";
    CallbackRefused = "callback_refused", FORBIDDEN, "The key or the network of the callback is not allowed. Check `callback.secret` and `callback.allow_from`.";
    NotFound = "not_found", NOT_FOUND, "The object does not exist or is not visible to the caller. Check the id and the rights.";
    NoThumbnail = "no_thumbnail", NOT_FOUND, "The document has no thumbnail of this size. Download the original.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The route does not support this method. See the OpenAPI document.";
    TotpIsOn = "totp_is_on", CONFLICT, "One-time codes are on already. Remove them first.";
    TotpNotBegun = "totp_not_begun", CONFLICT, "The set-up of one-time codes has not begun. Send the request without `code` first.";
    NotNow = "not_now", CONFLICT, "The state of the flow does not allow this act. Do what `detail` says.";
    FlowNotRunning = "flow_not_running", CONFLICT, "The flow is a draft, archived, withdrawn or sent back to its starter. Read the flow again.";
    StillRunning = "still_running", CONFLICT, "The first request with this Idempotency-Key is still running. Retry after `Retry-After` seconds.";
    AlreadyActed = "already_acted", CONFLICT, "The caller has already acted at this node. Read the flow again.";
    MovedOn = "moved_on", CONFLICT, "The flow has left the node of the request. Read the flow again.";
    SealNode = "seal_node", CONFLICT, "The service completes a seal node. Do not approve it.";
    NotSentBack = "not_sent_back", CONFLICT, "The flow was not sent back. Submit only a draft or a flow that was sent back.";
    Retired = "retired", CONFLICT, "The definition is retired: no new flow starts. Choose another definition.";
    PhotosMissing = "photos_missing", CONFLICT, "Photos are missing. See `missing` for photos and `errors` for required files fields that are empty.";
    FieldRequired = "field_required", CONFLICT, "A required files field is empty. Upload a file to the field that `errors` names.";
    NotArchived = "not_archived", CONFLICT, "The service could not archive the flow. Do what `detail` says.";
    NoDownloadField = "no_download_field", CONFLICT, "The definition has no download field. Download the photos as a zip.";
    HasDownloadField = "has_download_field", CONFLICT, "The definition has a download field. Collect the photos into this field.";
    NoPhotos = "no_photos", CONFLICT, "The flow has no photos yet. Retry later.";
    NoSealUse = "no_seal_use", CONFLICT, "The flow has no seal use yet. Retry after the apply node.";
    NotEditable = "not_editable", CONFLICT, "The caller may not change the files of this field now. See `editable` of the flow.";
    PhotoDocument = "photo_document", CONFLICT, "The document is a photo of a seal use. Remove only uploaded files.";
    NothingOwed = "nothing_owed", CONFLICT, "The grant owes no photo, or fewer than the request has. Supply only photos that GET /api/owed lists.";
    NothingToAppendTo = "nothing_to_append_to", CONFLICT, "No seal use of the flow accepts more uses. Read the flow again.";
    NothingToEnd = "nothing_to_end", CONFLICT, "The flow has no seal use that can end. Read the flow again.";
    NothingOpen = "nothing_open", CONFLICT, "The flow has no open seal use. Read the flow again.";
    NothingToResolve = "nothing_to_resolve", CONFLICT, "The seal use needs no resolution. Read the flow again.";
    SealUseEnding = "seal_use_ending", CONFLICT, "The seal use is ending or superseded. Read the flow again.";
    NoEnding = "no_ending", CONFLICT, "No end of this seal use was requested. End the use first.";
    OtherSerialNo = "other_serial_no", CONFLICT, "The business at the vendor has another serial number. Check `businessId`, or set `force`.";
    BusinessTaken = "business_taken", CONFLICT, "Another seal use has this business id. Check `businessId`.";
    SecretLocked = "secret_locked", CONFLICT, "The secret was stored under another key. Do what `detail` says.";
    LastAdministrator = "last_administrator", CONFLICT, "The user is the last administrator who is not disabled. Make another user an administrator first.";
    NameTaken = "name_taken", CONFLICT, "The name is already in use. Choose another name.";
    FolderInUse = "folder_in_use", CONFLICT, "A definition uses the folder. Change the definition first.";
    Evidence = "evidence", CONFLICT, "Documents of a flow are evidence: they stay in their space and out of the trash. Select other documents.";
    SelectionChanged = "selection_changed", CONFLICT, "The list or its documents have changed. Load the list and select again.";
    BundleGone = "bundle_gone", GONE, "The bundle has ended, or a document in it is gone or damaged. Make a new bundle.";
    OtherState = "other_state", PRECONDITION_FAILED, "The content is not the one that the conditions of the request name. Download it from the start.";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "A file is larger than the limit. Send a smaller file.";
    TooManyFiles = "too_many_files", PAYLOAD_TOO_LARGE, "The upload has more files than the limit. Send fewer files.";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Members of the input are not valid. Correct the members that `errors` names.";
    KeyReused = "key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for a request with another body. Send a new key.";
    Taken = "taken", UNPROCESSABLE_ENTITY, "Another user has this employee number or mobile phone. Correct the members that `errors` names.";
    ContactMissing = "contact_missing", UNPROCESSABLE_ENTITY, "The user has no employee number and no mobile phone. Add one of them.";
    Unassignable = "unassignable", UNPROCESSABLE_ENTITY, "A node of the flow has no possible assignee. See `errors` for the node.";
    EmptyFile = "empty_file", UNPROCESSABLE_ENTITY, "A file has no bytes. Send a file with content.";
    NotAnImage = "not_an_image", UNPROCESSABLE_ENTITY, "The file is not an image. Send an image.";
    NotAFilesField = "not_a_files_field", UNPROCESSABLE_ENTITY, "The field does not hold files. Choose a files field.";
    TooManyAtOnce = "too_many_at_once", TOO_MANY_REQUESTS, "The user has too many uploads or event streams in progress. Retry after `Retry-After` seconds.";
    TooMuch = "too_much", TOO_MANY_REQUESTS, "The address has sent more bytes than one may send in an hour. Retry after `Retry-After` seconds.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The service failed. See the service log for the cause.";
    OriginalDamaged = "original_damaged", INTERNAL_SERVER_ERROR, "The original is damaged or missing in the store. Ask an administrator to restore the object.";
    VendorFailed = "vendor_failed", BAD_GATEWAY, "The vendor refused, failed or did not answer. See `detail` for the vendor's message.";
    StillCollecting = "still_collecting", SERVICE_UNAVAILABLE, "The service is still fetching photos. Retry after `Retry-After` seconds.";
    BundleMaking = "bundle_making", SERVICE_UNAVAILABLE, "The service is still making the package. Retry after `Retry-After` seconds.";
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "The database does not answer. Retry after `Retry-After` seconds.";
    Busy = "busy", SERVICE_UNAVAILABLE, "Too many requests in progress. Retry after `Retry-After` seconds.";
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What [`Code::status`] does not say.
const EXCEPTIONS: &str = " Each has one HTTP status, but for two: `bad_json` is also 413 (the body is too large) and 415 (it does not say that \
    it is JSON), `vendor_failed` is 503 where trying again may help.";

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let meanings: Vec<String> = Self::ALL
            .iter()
            .map(|code| format!("* `{}` ({}): {}", code.as_str(), code.status().as_u16(), code.meaning()))
            .collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(format!(
                "The stable code of the problem, for programs.{EXCEPTIONS}\n\n{}",
                meanings.join("\n")
            )))
            .into()
    }
}

impl ToSchema for Code {}
