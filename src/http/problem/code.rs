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

            /// The HTTP status that answers it; where it has another one, the answer is made by `Problem::with_status`.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// For people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    BadJson = "bad_json", BAD_REQUEST, "the body is not JSON; `errors` is empty";
    BadQuery = "bad_query", BAD_REQUEST, "a parameter of the query string is wrong; `errors` names it";
    NotMultipart = "not_multipart", BAD_REQUEST, "the body is not multipart/form-data";
    UploadCut = "upload_cut", BAD_REQUEST, "the upload broke off before its end";
    UploadStalled = "upload_stalled", REQUEST_TIMEOUT, "nothing came for too long";
    NotLoggedIn = "not_logged_in", UNAUTHORIZED, "log in, or send a token";
    LoginFailed = "login_failed", UNAUTHORIZED, "wrong username or password";
    Forbidden = "forbidden", FORBIDDEN, "your roles do not allow this";
    NotYours = "not_yours", FORBIDDEN, "others may do it, you may not";
    NotAssigned = "not_assigned", FORBIDDEN, "the node waits for others";
    OtherOrigin = "other_origin", FORBIDDEN, "a write with a cookie must come from this service's own pages";
    CallbackRefused = "callback_refused", FORBIDDEN, "the callback's key or network is wrong";
    NotFound = "not_found", NOT_FOUND, "there is nothing here, or nothing you may see";
    NoThumbnail = "no_thumbnail", NOT_FOUND, "of this there is no thumbnail, or none of this size";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "this method is not possible here";
    NotNow = "not_now", CONFLICT, "the flow does not stand where this can be done; `detail` says what would make it possible";
    FlowNotRunning = "flow_not_running", CONFLICT, "the flow is archived, withdrawn, or sent back to its starter";
    AlreadyActed = "already_acted", CONFLICT, "you have acted at this node already";
    MovedOn = "moved_on", CONFLICT, "the flow has left the node meanwhile: look at it again";
    SealNode = "seal_node", CONFLICT, "a seal node completes by itself";
    NotSentBack = "not_sent_back", CONFLICT, "only a flow that was sent back is submitted again";
    PhotosMissing = "photos_missing", CONFLICT, "photos are missing; `missing` lists them, and `errors` the required files fields that are empty";
    FieldRequired = "field_required", CONFLICT, "a required files field is empty; `errors` names it";
    NotArchived = "not_archived", CONFLICT, "the archive was asked for and could not be made; `detail` says why";
    NoDownloadField = "no_download_field", CONFLICT, "the definition names no field for photos: download them";
    HasDownloadField = "has_download_field", CONFLICT, "the photos go to a field: collect them there";
    NoPhotos = "no_photos", CONFLICT, "no photo has come yet";
    NoSealUse = "no_seal_use", CONFLICT, "the flow has no seal use yet";
    NotEditable = "not_editable", CONFLICT, "the field takes no files from you now";
    PhotoDocument = "photo_document", CONFLICT, "a photo is not taken out of its field";
    NothingToAppendTo = "nothing_to_append_to", CONFLICT, "no seal use takes more uses";
    NothingToEnd = "nothing_to_end", CONFLICT, "no seal use can be ended";
    NothingOpen = "nothing_open", CONFLICT, "no seal can be used just now";
    NothingToResolve = "nothing_to_resolve", CONFLICT, "the seal use does not stand still";
    SealUseEnding = "seal_use_ending", CONFLICT, "the seal use is being ended, or nobody waits for it any more";
    NoEnding = "no_ending", CONFLICT, "nobody asked for the end of this seal use";
    OtherSerialNo = "other_serial_no", CONFLICT, "that business at the vendor has another serial number";
    BusinessTaken = "business_taken", CONFLICT, "that business at the vendor belongs to another seal use";
    NameTaken = "name_taken", CONFLICT, "there is one of this name already";
    FolderInUse = "folder_in_use", CONFLICT, "a definition points at the folder";
    FolderNotEmpty = "folder_not_empty", CONFLICT, "the folder still has folders or documents in it";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "a file is larger than may be";
    TooManyFiles = "too_many_files", PAYLOAD_TOO_LARGE, "more files at once than may be";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "members of the input are wrong; `errors` names them";
    ContactMissing = "contact_missing", UNPROCESSABLE_ENTITY, "nobody has an employee number or a mobile phone by which the vendor knows them";
    Unassignable = "unassignable", UNPROCESSABLE_ENTITY, "nobody could take a node of this flow; `errors` says which";
    EmptyFile = "empty_file", UNPROCESSABLE_ENTITY, "a file has no bytes";
    NotAnImage = "not_an_image", UNPROCESSABLE_ENTITY, "photos are pictures";
    NotAFilesField = "not_a_files_field", UNPROCESSABLE_ENTITY, "the field does not take files";
    Internal = "internal", INTERNAL_SERVER_ERROR, "the service failed; its log says why";
    VendorFailed = "vendor_failed", BAD_GATEWAY, "the vendor refused, failed or did not answer; `detail` has its words";
    StillCollecting = "still_collecting", SERVICE_UNAVAILABLE, "photos are still being brought in: come again";
    Busy = "busy", SERVICE_UNAVAILABLE, "as much as may be is being done: come again";
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
            .description(Some(format!("Stable, for programs.{EXCEPTIONS}\n\n{}", meanings.join("\n"))))
            .into()
    }
}

impl ToSchema for Code {}
